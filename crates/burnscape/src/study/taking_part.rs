//! Taking part in a slice that several processes share out: by their plan, in a trace of one's own.

use std::sync::Arc;

use burnscape_run::SharedSlice;
use burnscape_trace::{F64s, Fingerprint, Record, RunFolder, record};

use super::open_study::AnyStudy;
use super::planes::Plan;
use super::share::Share;
use super::subject::Stand;
use super::surfaces::Started;
use super::sweep::Facts;
use super::vector::Vector;
use crate::model::snapshot;
use crate::{Error, Result};

impl AnyStudy<'_> {
    /// Refuses what shards do not share out.
    pub(super) fn refuse_in_shards(&self, what: &'static str) -> Result<()> {
        match &self.share {
            None => Ok(()),
            Some(share) => Err(Error::NotShared { what, shard: share.shard.to_string() }),
        }
    }

    /// Takes part in a slice by the plan that all follow, whoever made it, and goes on with what was measured before.
    pub(super) fn take_part(&self, share: &Share, mut plan: Plan) -> Result<Started> {
        let own = self.as_shared(share, &plan)?;
        let is_given_back = self.is_given_back(&plan);
        let write_directions = |folder: &RunFolder, number: u32| {
            if is_given_back {
                return Ok(None);
            }
            let Plan { centre, directions, .. } = &plan;
            self.keep_directions(&folder.directions_path(number), centre, directions)?;
            Ok(Some(RunFolder::directions_file(number)))
        };
        let first_slice = self.active.recorder.first_slice;
        let (folder, shared) = share.plan_of(&own, first_slice, write_directions)?;
        let gathered = share.measured(&shared)?;
        let shared = SharedSlice { trajectory: gathered.trajectory.clone(), ..shared };
        self.tell_share(share, &shared, &own);
        if let Some(file) = &shared.slice.directions {
            let parameters = self.studied.map.layout.len();
            let stored = snapshot::open_directions(&folder.resolve(file)?, parameters)?;
            plan.directions = self.given_back(stored.directions)?;
            let directions: Vec<&Vector> = plan.directions.iter().map(Arc::as_ref).collect();
            let facts = Facts::of(&self.studied.map.layout, &plan.centre.weights, &directions)?;
            (plan.gram, plan.moving) = (facts.gram, facts.moving());
        }
        plan.grid = *gathered.layers[0].grid();
        plan.extent.true_losses = share.measures_path();
        (plan.slice, plan.trajectory) = (shared.slice, shared.trajectory);
        Ok(Started { plan, layers: gathered.layers })
    }

    /// The slice as this process alone would measure it.
    fn as_shared(&self, share: &Share, plan: &Plan) -> Result<SharedSlice> {
        let model = &plan.centre.model;
        let checksums = self.subject.checksums(model, &self.studied.map)?;
        let bytes: Vec<u8> = checksums.into_iter().flat_map(u32::to_le_bytes).collect();
        let sets = self.quantities.selected();
        let loss = self.loss_on(&sets);
        let batches = self.subject.measure_batches(Stand::At(model), &loss, None)?;
        let batches = batches.into_iter().flatten().map(|batch| batch.mean);
        Ok(SharedSlice {
            head: share.head.clone(),
            slice: plan.slice.clone(),
            trajectory: plan.trajectory.clone(),
            shard: record!(burnscape_trace::Shard {
                weights: Fingerprint::of(&bytes).to_string(),
                batches: F64s(batches.collect()),
            }),
        })
    }

    /// Tells the trace of this share what it is a share of.
    fn tell_share(&self, share: &Share, plan: &SharedSlice, own: &SharedSlice) {
        let shard = record!(burnscape_trace::Shard {
            index: share.shard.index(),
            count: share.shard.count(),
            batches: own.shard.batches.clone(),
            ..plan.shard.clone()
        });
        self.record(Record::Shard(shard));
        self.record(Record::Slice(plan.slice.clone()));
        plan.trajectory.iter().for_each(|path| self.record(Record::Trajectory(path.clone())));
        if !plan.has_same_losses(own) {
            let (name, here) = (&plan.slice.name, &share.head.device);
            let there = &plan.head.device;
            self.note(
                "info",
                format!(
                    "the batches of `{name}` have other losses on {here} here than on {there} where it was planned, \
                     within what unlike hardware makes them differ"
                ),
            );
        }
    }
}
