//! The slices of a run, the studies they belong to, and the path of training before there are any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use burnscape_landscape::surface::Counts;
use burnscape_trace::{Check, Nodes, Plan, Slice, Study, StudyKind, Trajectory};

use super::room::Room;
use super::{Landscape, Quantity};

/// What a run tells about its landscape.
#[derive(Debug, Clone, Default)]
pub struct Landscapes {
    slices: BTreeMap<u32, Landscape>,
    studies: BTreeMap<u32, Study>,
    /// By the slices that they name.
    plans: BTreeMap<u32, Arc<Plan>>,
    live_path: Option<Trajectory>,
    /// Nodes that found no slice before them, by its number.
    strays: BTreeMap<u32, usize>,
    room: Room,
    /// Slices for whose surfaces there is no room yet.
    waiting: BTreeSet<u32>,
}

/// Values in a record, as its bytes prove.
fn values_told(nodes: &Nodes) -> u64 {
    let of_layers = nodes.layers.iter().map(|layer| layer.value.len());
    let lists = std::iter::once(nodes.loss.len()).chain(of_layers);
    lists.map(|values| values.min(nodes.index.len()) as u64).sum()
}

/// Compared as text where they differ, since in text NaN equals NaN.
fn is_same(a: &Slice, b: &Slice) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}

impl Landscapes {
    /// All slices, in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Landscape> {
        self.slices.values()
    }

    /// All slices, in the order of their numbers, given away.
    pub fn into_slices(self) -> impl ExactSizeIterator<Item = Landscape> {
        self.slices.into_values()
    }

    /// All studies by their numbers.
    #[must_use]
    pub fn studies(&self) -> &BTreeMap<u32, Study> {
        &self.studies
    }

    /// No slice is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The slices worth showing: of slices that only repeat another with another seed, to see whether it is typical, the
    /// first one. Seeds draw the others again.
    #[must_use]
    pub fn offered(&self) -> Vec<&Landscape> {
        let offered: Vec<_> = self.iter().filter(|it| !self.is_repetition(it.slice())).collect();
        // Studies that contradict each other hide nothing.
        if offered.is_empty() { self.iter().collect() } else { offered }
    }

    /// The study that a slice belongs to.
    #[must_use]
    pub fn study_of(&self, slice: &Slice) -> Option<&Study> {
        let named = slice.study.and_then(|number| self.studies.get(&number));
        named.or_else(|| self.studies.values().find(|study| study.slices.contains(&slice.slice)))
    }

    /// What was going to be measured of a slice; `None`: everything.
    #[must_use]
    pub fn plan_of(&self, slice: &Slice) -> Option<&Plan> {
        self.plans.get(&slice.slice).map(Arc::as_ref)
    }

    /// What is known of the nodes of all slices together.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let each = self.iter().filter_map(|it| Some(it.surface().ok()?.counts()));
        each.fold(Counts::default(), |all, it| Counts {
            measured: all.measured + it.measured,
            interpolated: all.interpolated + it.interpolated,
            unmeasured: all.unmeasured + it.unmeasured,
            non_finite: all.non_finite + it.non_finite,
        })
    }

    /// Slices of a study that are known, in its order.
    pub fn slices_of<'a>(&'a self, study: &'a Study) -> impl Iterator<Item = &'a Landscape> {
        study.slices.iter().filter_map(|number| self.slices.get(number))
    }

    /// The range of losses that a slice shares with the others of its study, where their pictures
    /// are made to be compared.
    #[must_use]
    pub fn common_range(&self, slice: &Slice) -> Option<(f64, f64)> {
        let is_to_compare = |study: &&Study| {
            matches!(study.kind, StudyKind::InitialAndTrained | StudyKind::SideBySide)
        };
        let study = self.study_of(slice).filter(is_to_compare)?;
        let (low, high) = study.lowest.zip(study.highest)?;
        (low.is_finite() && high.is_finite() && low <= high).then_some((low, high))
    }

    /// The same for any quantity: of a further layer the range of the values that the slices of the study have of it.
    #[must_use]
    pub fn common_range_of(&self, slice: &Slice, quantity: &Quantity<'_>) -> Option<(f64, f64)> {
        let of_loss = self.common_range(slice)?;
        if quantity.number == 0 {
            return Some(of_loss);
        }
        let others = self.slices_of(self.study_of(slice)?);
        let ranges = others.filter_map(|it| it.quantity_named(&quantity.name)?.range());
        ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The path of training as told while it goes on; the last one told.
    #[must_use]
    pub fn live_path(&self) -> Option<&Trajectory> {
        self.live_path.as_ref()
    }

    /// Nodes of slices that no record before them describes: the number of the slice, and how many.
    pub fn strays(&self) -> impl Iterator<Item = (u32, usize)> {
        self.strays.iter().map(|(&slice, &nodes)| (slice, nodes))
    }

    /// The slice with a number.
    #[must_use]
    pub fn get(&self, slice: u32) -> Option<&Landscape> {
        self.slices.get(&slice)
    }

    /// Takes a slice. A resumed surface repeats its slice: what was measured stays.
    pub fn apply_slice(&mut self, slice: &Slice) {
        let known = self.slices.get(&slice.slice);
        if known.is_none_or(|known| !is_same(known.slice(), slice)) {
            self.forget(slice.slice);
            self.slices.insert(slice.slice, Landscape::waiting(slice.clone()));
            if !self.make_room(slice.slice) {
                self.waiting.insert(slice.slice);
            }
        }
    }

    fn forget(&mut self, slice: u32) {
        self.waiting.remove(&slice);
        if let Some(known) = self.slices.remove(&slice).filter(|it| !it.is_waiting()) {
            self.room.give_back(known.claimed_values());
        }
    }

    /// Whether there is room for the surfaces of a slice; it then has them.
    fn make_room(&mut self, slice: u32) -> bool {
        let Some(landscape) = self.slices.get_mut(&slice) else { return true };
        let fits = self.room.take(landscape.claimed_values());
        if fits {
            landscape.make_room();
        }
        fits
    }

    /// Gives room to those that wait, the first one first.
    fn make_room_for_waiting(&mut self) {
        while let Some(first) = self.waiting.first().copied() {
            if !self.make_room(first) {
                return;
            }
            self.waiting.remove(&first);
        }
    }

    /// Takes nodes of a slice.
    pub fn apply_nodes(&mut self, nodes: &Nodes) {
        match self.slices.get_mut(&nodes.slice) {
            Some(landscape) => landscape.apply_nodes(nodes),
            None => *self.strays.entry(nodes.slice).or_default() += nodes.index.len(),
        }
        self.room.tell(values_told(nodes));
        self.make_room_for_waiting();
    }

    /// Takes the trajectory of a slice, or a path told during training.
    pub fn apply_trajectory(&mut self, path: &Trajectory) {
        match path.slice {
            Some(slice) => self.change(slice, |landscape| landscape.apply_trajectory(path)),
            None => self.live_path = Some(path.clone()),
        }
    }

    /// Takes a study; a later one of the same number replaces it.
    pub fn apply_study(&mut self, study: &Study) {
        self.studies.insert(study.study, study.clone());
    }

    /// Takes a plan of slices that are told already; a later one of the same slice replaces it.
    pub fn apply_plan(&mut self, plan: &Plan) {
        let shared = Arc::new(plan.clone());
        let known = plan.slices.iter().filter(|slice| self.slices.contains_key(slice));
        self.plans.extend(known.map(|slice| (*slice, shared.clone())));
    }

    /// Takes a self-check of a slice.
    pub fn apply_check(&mut self, slice: u32, check: &Check) {
        self.change(slice, |landscape| landscape.apply_check(check));
    }

    fn is_repetition(&self, slice: &Slice) -> bool {
        let study = self.study_of(slice).filter(|study| study.kind == StudyKind::Agreement);
        let first = study.and_then(|study| self.slices_of(study).next());
        let is_first = first.is_some_and(|first| first.slice().slice == slice.slice);
        study.is_some() && !is_first && slice.directions.is_none()
    }

    fn change(&mut self, slice: u32, change: impl FnOnce(&mut Landscape)) {
        if let Some(landscape) = self.slices.get_mut(&slice) {
            change(landscape);
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::Axis;
    use burnscape_trace::record;

    use super::*;
    use crate::room::{CLAIMED_PER_VALUE, FREE_VALUES};

    fn slice(number: u32, study: Option<u32>) -> Slice {
        let x = record!(Axis { first: 0, count: 2, spacing: 1.0 });
        record!(Slice { slice: number, study, x })
    }

    fn landscapes(slices: &[Slice], studies: &[Study]) -> Landscapes {
        let mut landscapes = Landscapes::default();
        slices.iter().for_each(|slice| landscapes.apply_slice(slice));
        studies.iter().for_each(|study| landscapes.apply_study(study));
        landscapes
    }

    fn study(number: u32, kind: &str, slices: &[u32]) -> Study {
        record!(Study { study: number, kind: kind.into(), slices: slices.to_vec() })
    }

    fn offered(landscapes: &Landscapes) -> Vec<u32> {
        landscapes.offered().iter().map(|it| it.slice().slice).collect()
    }

    #[test]
    fn a_repeated_slice_keeps_its_nodes() {
        let mut landscapes = landscapes(&[slice(0, None)], &[]);
        landscapes.apply_nodes(&record!(Nodes { index: vec![1].into(), loss: vec![4.0].into() }));
        landscapes.apply_slice(&slice(0, None));
        let landscape = landscapes.iter().next().unwrap();
        assert_eq!(landscape.surface().unwrap().lowest().unwrap().loss, 4.0);
    }

    fn plane(number: u32, side: u64) -> Slice {
        let axis = record!(Axis { count: side, spacing: 1.0 });
        record!(Slice { slice: number, x: axis.clone(), y: Some(axis) })
    }

    fn tile(slice: u32, nodes: std::ops::Range<u32>) -> Nodes {
        let loss = nodes.clone().map(f64::from).collect();
        record!(Nodes { slice, index: nodes.collect(), loss })
    }

    #[test]
    fn a_hundred_large_claims_take_no_room_and_small_ones_do() {
        let mut landscapes = Landscapes::default();
        (0..100).for_each(|number| landscapes.apply_slice(&plane(number, 1900)));
        landscapes.apply_slice(&plane(100, 49));
        let surfaces = landscapes.iter().filter(|it| it.surface().is_ok()).count();
        assert_eq!(surfaces, 1);
        let said = landscapes.get(0).unwrap().surface().unwrap_err();
        assert!(
            said.contains("claims 3610000 values, too many for the few that were told"),
            "{said}"
        );
    }

    #[test]
    fn what_is_told_of_a_large_slice_gives_it_room_and_nothing_of_it_is_lost() {
        let (side, mut landscapes) = (1900, Landscapes::default());
        landscapes.apply_slice(&plane(0, side));
        let enough = (side * side - FREE_VALUES).div_ceil(CLAIMED_PER_VALUE) as u32;
        landscapes.apply_nodes(&tile(0, 0..enough - 1));
        assert!(landscapes.get(0).unwrap().surface().is_err());
        landscapes.apply_nodes(&tile(0, enough - 1..enough));
        let surface = landscapes.get(0).unwrap().surface().unwrap();
        assert_eq!(surface.counts().measured, enough as usize);
        assert_eq!(surface.loss(7), Some(7.0));
    }

    #[test]
    fn a_slice_that_is_replaced_gives_its_room_back() {
        let mut landscapes = Landscapes::default();
        for side in [700, 701, 702] {
            landscapes.apply_slice(&plane(0, side));
            assert!(landscapes.get(0).unwrap().surface().is_ok(), "{side}");
        }
    }

    #[test]
    fn a_slice_with_a_nan_that_is_repeated_keeps_what_was_measured() {
        let unknown = record!(Slice { centre_loss: f64::NAN, ..slice(3, None) });
        let mut landscapes = Landscapes::default();
        let nodes = record!(Nodes { slice: 3, index: vec![0].into(), loss: vec![2.5].into() });
        landscapes.apply_nodes(&nodes);
        landscapes.apply_slice(&unknown);
        landscapes.apply_nodes(&nodes);
        landscapes.apply_slice(&unknown);
        assert_eq!(landscapes.get(3).unwrap().surface().unwrap().loss(0), Some(2.5));
        assert_eq!(landscapes.strays().collect::<Vec<_>>(), [(3, 1)]);
    }

    #[test]
    fn of_an_agreement_study_only_the_first_slice_is_offered() {
        let slices = [slice(0, None), slice(1, Some(7)), slice(2, None), slice(3, None)];
        for kind in ["agreement", "scale-sweep", "initial-and-trained"] {
            let landscapes = landscapes(&slices, &[study(7, kind, &[9, 2, 1, 3])]);
            let expected = if kind == "agreement" { vec![0, 2] } else { vec![0, 1, 2, 3] };
            assert_eq!(offered(&landscapes), expected, "slice 9 is unknown");
        }
    }

    #[test]
    fn studies_that_contradict_each_other_hide_nothing() {
        let studies = [study(0, "agreement", &[0, 1]), study(1, "agreement", &[1, 0])];
        let landscapes = landscapes(&[slice(0, Some(1)), slice(1, Some(0))], &studies);
        assert_eq!(offered(&landscapes), [0, 1]);
    }

    #[test]
    fn only_a_finite_range_of_the_right_kind_is_common() {
        let with = |kind: &str, lowest, highest| {
            let study = record!(Study { lowest, highest, ..study(0, kind, &[0]) });
            landscapes(&[slice(0, None)], &[study]).common_range(&slice(0, None))
        };
        let kind = "initial-and-trained";
        assert_eq!(with(kind, Some(0.5), Some(2.0)), Some((0.5, 2.0)));
        assert_eq!(with("scale-sweep", Some(0.5), Some(2.0)), None);
        assert_eq!(with(kind, Some(f64::NAN), Some(2.0)), None);
        assert_eq!(with(kind, Some(3.0), Some(2.0)), None);
        assert_eq!(with(kind, None, Some(2.0)), None);
    }

    #[test]
    fn the_last_path_told_during_training_holds() {
        let path = |x: f64| record!(Trajectory { x: vec![x].into() });
        let mut landscapes = Landscapes::default();
        landscapes.apply_trajectory(&path(1.0));
        landscapes.apply_trajectory(&record!(Trajectory { slice: Some(4), ..path(9.0) }));
        landscapes.apply_trajectory(&path(2.0));
        assert_eq!(landscapes.live_path(), Some(&path(2.0)));
    }
}
