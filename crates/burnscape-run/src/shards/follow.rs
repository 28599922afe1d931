//! Following shards while they measure, beside the trace of their run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burnscape_trace::{Follower, Item, Record, RunFolder, Shards};

use super::plan::SharedSlice;

/// Gives what the shards of a run measure, as they measure it: slices, their paths and nodes, by their numbers in the run.
#[derive(Debug)]
pub struct ShardsFollower {
    shards: Shards,
    /// Fingerprints of the plans by the number of their slice.
    plans: BTreeMap<u32, String>,
    plans_seen: usize,
    traces: BTreeMap<PathBuf, Followed>,
}

#[derive(Debug)]
struct Followed {
    follower: Follower,
    /// Slices that it measures by the plan that there is.
    holds: Vec<u32>,
}

impl ShardsFollower {
    /// Follows the shards of a run; there need be none yet.
    #[must_use]
    pub fn of(run: &RunFolder) -> Self {
        let (shards, plans, traces) = (Shards::of(run), BTreeMap::new(), BTreeMap::new());
        Self { shards, plans, plans_seen: 0, traces }
    }

    /// What is new. Traces that cannot be read, or that measure by another plan, are left out: merging tells them.
    pub fn poll(&mut self) -> Vec<Record> {
        if !self.shards.path().is_dir() {
            return Vec::new();
        }
        self.look_for_plans();
        for folder in self.shards.traces() {
            if !self.traces.contains_key(folder.path())
                && let Ok(follower) = Follower::open(folder.path())
            {
                let holds = Vec::new();
                self.traces.insert(folder.path().to_owned(), Followed { follower, holds });
            }
        }
        let plans = &self.plans;
        self.traces.values_mut().flat_map(|trace| trace.poll(plans)).collect()
    }

    fn look_for_plans(&mut self) {
        let folders = self.shards.plans();
        if folders.len() == self.plans_seen {
            return;
        }
        self.plans_seen = folders.len();
        let plans = folders.iter().filter_map(|folder| SharedSlice::read(folder).ok());
        self.plans = plans.map(|plan| (plan.slice.slice, plan.shard.plan)).collect();
    }
}

impl Followed {
    fn poll(&mut self, plans: &BTreeMap<u32, String>) -> Vec<Record> {
        let mut records = Vec::new();
        loop {
            let items = self.follower.poll().unwrap_or_default();
            records.extend(items.into_iter().filter_map(|item| self.take(item, plans)));
            if !self.follower.has_more() {
                return records;
            }
        }
    }

    /// A record that may be shown.
    fn take(&mut self, item: Item, plans: &BTreeMap<u32, String>) -> Option<Record> {
        let Item::Record { record, .. } = item else { return None };
        let is_held = match &record {
            Record::Shard(shard) => {
                self.holds.retain(|slice| *slice != shard.slice);
                if plans.get(&shard.slice) == Some(&shard.plan) {
                    self.holds.push(shard.slice);
                }
                false
            }
            Record::Slice(slice) => self.holds.contains(&slice.slice),
            Record::Nodes(nodes) => self.holds.contains(&nodes.slice),
            Record::Trajectory(path) => path.slice.is_some_and(|it| self.holds.contains(&it)),
            _ => false,
        };
        is_held.then_some(record)
    }
}
