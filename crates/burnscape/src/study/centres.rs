//! Points in parameter space: where their weights come from, and the model that stands there.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use burnscape_trace::Snapshot;

use super::centre::{Centre, Located, same};
use super::open_study::AnyStudy;
use super::quantities::Measured;
use super::subject::{Ask, ModelAt, Stand};
use super::weights::Weights;
use crate::model::frozen;
use crate::model::map::{ModelMap, Slot, tied_aliases};
use crate::model::point::Point;
use crate::model::snapshot::SnapshotFile;
use crate::model::tensors::NamedTensor;
use crate::{Error, Result};

impl AnyStudy<'_> {
    /// The centre at a point, whose weights are finite.
    pub(super) fn centre(&mut self, point: &Point) -> Result<Rc<Centre>> {
        let known = self.centres.iter().find(|(known, _)| known == point);
        if let Some((_, centre)) = known {
            return Ok(centre.clone());
        }
        let is_given = *point == Point::Final;
        let centre = match is_given && !self.holds_vectors() {
            true => self.centre_of_model()?,
            false => {
                let located = self.locate(point)?;
                self.make_centre(located)?
            }
        };
        let centre = Rc::new(Centre { is_given, ..centre });
        self.centres.push((point.clone(), centre.clone()));
        Ok(centre)
    }

    /// Whether vectors as long as the parameters are held; longer ones are drawn again, or read from the model and from
    /// files, block by block.
    pub(super) fn holds_vectors(&self) -> bool {
        self.studied.map.layout.len() <= self.active.config.most_held
    }

    pub(super) fn make_centre(&self, located: Located) -> Result<Centre> {
        let Located { label, snapshot, tensors } = located;
        let map = &self.studied.map;
        let held = self.holds_vectors().then(|| Weights::Held(map.flatten(&tensors)));
        let tied = tied_aliases(map, &tensors);
        let is_kept =
            |it: &&NamedTensor| snapshot.is_none() && map.layout.block(&it.path).is_none();
        let buffers = tensors.iter().filter(is_kept).cloned().collect();
        let model = self.subject.put(map, tensors)?;
        let weights = held.unwrap_or_else(|| self.subject.weights(&model, map));
        self.centre_with(Located { label, snapshot, tensors: buffers }, model, weights, tied)
    }

    /// The final model, whose parameters it shares.
    fn centre_of_model(&self) -> Result<Centre> {
        let map = &self.studied.map;
        let has_alias = |block: usize| {
            let path = &map.layout.blocks()[block].path;
            map.aliases.iter().any(|(first, _)| first == path)
        };
        let mut tensors = self.subject.tensors_if(map, &|slot| match slot {
            Slot::Block(block) => has_alias(block),
            Slot::Buffer(_) | Slot::Alias { .. } => true,
            Slot::LeftOut => false,
        })?;
        let tied = tied_aliases(map, &tensors);
        tensors.retain(|it| map.layout.block(&it.path).is_none());
        let (label, snapshot) = (self.studied.final_label.clone(), self.studied.final_snapshot);
        let buffers = if snapshot.is_none() { tensors.clone() } else { Vec::new() };
        let model = self.subject.put_with_buffers(map, tensors)?;
        let weights = self.subject.weights(&model, map);
        self.centre_with(Located { label, snapshot, tensors: buffers }, model, weights, tied)
    }

    /// A centre whose weights are finite; of the tensors only buffers are left.
    fn centre_with(
        &self,
        located: Located,
        model: ModelAt,
        weights: Weights,
        tied: Vec<bool>,
    ) -> Result<Centre> {
        let Located { label, snapshot, tensors: buffers } = located;
        let (norm, broken) = weights.look(&self.studied.map.layout)?;
        if let Some(block) = broken {
            return Err(Error::NonFiniteCentre {
                centre: label,
                path: self.studied.map.layout.blocks()[block].path.clone(),
                finite: self.last_finite().map(|snapshot| snapshot.index),
            });
        }
        let (found, is_given) = (RefCell::new(None), false);
        Ok(Centre { label, snapshot, weights, norm, model, tied, found, is_given, buffers })
    }

    /// Every layer at a centre, measured once; where there is time, two passes over the batches are held against each
    /// other.
    pub(super) fn found_at(&self, centre: &Centre) -> Result<Measured> {
        let batches = self.batches_in_use();
        let known = centre.found.borrow().clone();
        if let Some((_, found)) = known.filter(|(on, _)| *on == batches) {
            return Ok(found);
        }
        let looked = self.pacing.looked_at.as_ref().filter(|it| centre.is_given && self.is_all(it));
        let mut found = match looked {
            Some(looked) => looked.found.clone(),
            None => self.measured_twice(&centre.model)?,
        };
        found.sizes = self.quantities.named(found.sizes);
        *centre.found.borrow_mut() = Some((batches, found.clone()));
        Ok(found)
    }

    fn measured_twice(&self, model: &ModelAt) -> Result<Measured> {
        let sets = self.quantities.selected();
        let clock = self.active.config.clock.clone();
        let ask = Ask { map: &self.studied.map, sets: &sets, loss_alone: false };
        let begun = clock.now();
        let first = self.subject.measure(Stand::At(model), &ask, true)?;
        if !self.time.affords(clock.now().saturating_sub(begun).as_secs_f64()) {
            return Ok(first);
        }
        let again = self.subject.measure(Stand::At(model), &ask, false)?;
        let mut pairs = first.values.iter().zip(&again.values);
        match pairs.find(|(a, b)| !same(a.mean, b.mean)) {
            Some((a, b)) => Err(Error::RandomModel { first: a.mean, second: b.mean }),
            None => Ok(first),
        }
    }

    /// The last snapshot without NaN and infinite parameters.
    pub(super) fn last_finite(&self) -> Option<Snapshot> {
        let is_finite = |snapshot: &&Snapshot| self.is_finite(snapshot).unwrap_or(false);
        self.path.snapshots.iter().rev().find(is_finite).cloned()
    }

    /// Where a point is.
    pub(super) fn locate(&mut self, point: &Point) -> Result<Located> {
        match point {
            Point::Final => self.locate_final(),
            Point::Initial => {
                let first = self.path.snapshots.first().cloned();
                let first = first.ok_or_else(|| self.too_few(0))?;
                self.locate_snapshot(&first, "initial".into())
            }
            Point::Best => {
                let best = self.best_snapshot()?;
                self.locate_snapshot(&best, format!("best (snapshot {})", best.index))
            }
            Point::Snapshot(index) => {
                let snapshot = self.snapshot(*index)?;
                self.locate_snapshot(&snapshot, self.path.name_of(*index))
            }
            Point::Weights(weights) => Ok(Located {
                label: weights.0.label.clone(),
                snapshot: None,
                tensors: weights.0.tensors.clone(),
            }),
        }
    }

    fn locate_final(&self) -> Result<Located> {
        let tensors = self.subject.tensors_if(&self.studied.map, &|_| true)?;
        let label = self.studied.final_label.clone();
        Ok(Located { label, snapshot: self.studied.final_snapshot, tensors })
    }

    fn locate_snapshot(&self, snapshot: &Snapshot, label: String) -> Result<Located> {
        let tensors = self.snapshot_tensors(snapshot)?;
        Ok(Located { label, snapshot: Some(snapshot.index), tensors })
    }

    /// The snapshot with this number; one that has the file of an earlier one counts as well.
    pub(super) fn snapshot(&self, index: u64) -> Result<Snapshot> {
        let found = self.path.all.iter().find(|it| it.index == index);
        found.cloned().ok_or_else(|| Error::NoSuchSnapshot {
            index,
            run: self.active.recorder.folder.path().to_path_buf(),
            available: self.path.all.iter().map(|it| it.index).collect(),
        })
    }

    fn best_snapshot(&mut self) -> Result<Snapshot> {
        let losses = self.losses_at_snapshots()?;
        let finite = losses.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        let best = finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(place, _)| place);
        let best = best.and_then(|place| self.path.used().get(place).cloned());
        best.ok_or_else(|| self.too_few(0))
    }

    /// The map with the flags of the moment that a centre is of.
    pub(super) fn map_at(&self, centre: &Centre) -> Cow<'_, ModelMap> {
        match self.frozen_at(centre) {
            None => Cow::Borrowed(&self.studied.map),
            Some(frozen) => {
                let mut map = self.studied.map.clone();
                map.freeze(&frozen);
                Cow::Owned(map)
            }
        }
    }

    /// The flags of a moment before the end, where they were others.
    fn frozen_at(&self, centre: &Centre) -> Option<Vec<bool>> {
        let is_before = |index: &u64| {
            self.studied.frozen.has_changed() && Some(*index) != self.studied.final_snapshot
        };
        let snapshot = self.snapshot(centre.snapshot.filter(is_before)?).ok()?;
        let frozen = self.studied.frozen.at(Some(snapshot.step));
        (frozen != self.studied.frozen.at(None)).then_some(frozen)
    }

    /// Which blocks are taken as frozen around a centre, in a run in which that changed.
    pub(super) fn frozen_in_words(&self, centre: &Centre) -> Option<String> {
        if !self.studied.frozen.has_changed() {
            return None;
        }
        let (paths, frozen) = (self.studied.map.paths(), self.frozen_at(centre));
        let frozen = frozen.unwrap_or_else(|| self.studied.frozen.at(None));
        let frozen = frozen::frozen_in_words(&paths, &frozen);
        let frozen = frozen.unwrap_or_else(|| "no parameter is frozen".to_string());
        Some(format!("What is frozen changed during training; at `{}`, {frozen}", centre.label))
    }

    pub(super) fn snapshot_tensors(&self, snapshot: &Snapshot) -> Result<Vec<NamedTensor>> {
        self.open(snapshot)?.tensors(&self.studied.map)
    }

    pub(super) fn open(&self, snapshot: &Snapshot) -> Result<SnapshotFile> {
        let path = self.active.recorder.folder.resolve(&snapshot.file)?;
        SnapshotFile::open(&path, &self.studied.map)
    }
}
