//! Going on with slices that were stopped: from what the trace tells to what it had been.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burn::tensor::TensorData;
use burnscape_landscape::direction::{Biases, DirectionOptions, Normalisation};
use burnscape_trace::Slice;

use super::centre::{Centre, Located, same};
use super::known::{KnownSlice, Planned};
use super::open_study::AnyStudy;
use super::perturb::SentDirections;
use super::planes::{Measuring, Plan};
use super::slice_spec::BatchNormMode;
use super::surfaces::Started;
use super::sweep::Facts;
use super::vector::Vector;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::{Point, Weights, WeightsOf};
use crate::model::snapshot::{self, StoredSlice};
use crate::model::tensors::NamedTensor;
use crate::model::vector_file::StoredVector;
use crate::{Error, Result};

/// A centre, and the directions from it.
type CentreAndDirections = (Rc<Centre>, Vec<Arc<Vector>>);

impl AnyStudy<'_> {
    /// Measures what is missing of all slices that were stopped, those of another study left out.
    pub(super) fn resume(&mut self) -> Result<Vec<SliceSurface>> {
        self.refuse_in_shards("going on with slices that were stopped")?;
        self.stopper.clear();
        let counters = self.active.recorder.handle.counters();
        counters.study_stop_asked.store(false, Ordering::Relaxed);
        let mut by_batches: BTreeMap<Vec<u32>, Vec<KnownSlice>> = BTreeMap::new();
        for known in self.held.unfinished(|slice| !self.is_between_models(slice)) {
            by_batches.entry(known.planned.batches.clone()).or_default().push(known);
        }
        let (mut slices, mut refused) = (Vec::new(), Vec::new());
        for (batches, unfinished) in by_batches {
            let measured = self.on_batches(&batches, |open| {
                let started = open.start_all_again(unfinished, &mut refused);
                open.go_on(started)
            });
            slices.extend(measured?);
        }
        if slices.is_empty() && !refused.is_empty() {
            return Err(refused.swap_remove(0).1);
        }
        for (name, error) in refused {
            self.note("warning", format!("the slice `{name}` was not gone on with: {error}"));
        }
        for slice in &slices {
            if !self.is_repetition(slice) {
                self.results.keep(slice);
            }
        }
        self.tell_again(&slices)?;
        Ok(slices)
    }

    /// Whether a slice is one of those that another one is compared with.
    fn is_repetition(&self, slice: &SliceSurface) -> bool {
        let mut agreements = self.held.studies.iter().filter(|study| study.kind == "agreement");
        agreements.any(|study| Some(study.study) == slice.slice.study)
    }

    /// A line of a barrier, whose ends have buffers of their own: it is measured anew where it is wanted.
    fn is_between_models(&self, slice: &Slice) -> bool {
        let mut barriers = self.held.studies.iter().filter(|study| study.kind == "barrier");
        slice.batchnorm == "interpolated"
            || barriers.any(|study| study.slices.contains(&slice.slice))
    }

    /// Slices that fit this study; why others do not is added to `refused`.
    fn start_all_again(
        &mut self,
        unfinished: Vec<KnownSlice>,
        refused: &mut Vec<(String, Error)>,
    ) -> Vec<Started> {
        let mut started = Vec::new();
        for known in unfinished {
            let name = known.slice.name.clone();
            match self.start_again(known) {
                Ok(slice) => started.push(slice),
                Err(error) => refused.push((name, error)),
            }
        }
        started
    }

    /// The slice as the run holds it already, whole or in part; else as a new one.
    pub(super) fn start_once(&mut self, mut plan: Plan) -> Result<Started> {
        self.say_on_what(&mut plan)?;
        let planned = Planned { batches: self.batches_in_use(), ..plan.planned.clone() };
        let wanted = KnownSlice::description(&plan.slice, &planned);
        let is_same = |known: &&KnownSlice| {
            let own = KnownSlice::description(&known.slice, &known.planned);
            known.slice.study.is_none() && own == wanted
        };
        let Some(known) = self.held.slices.iter().find(is_same).cloned() else {
            return self.start_slice(plan);
        };
        (plan.slice, plan.trajectory, plan.planned) =
            (known.slice, known.trajectory, known.planned);
        Ok(Started { plan, layers: known.layers })
    }

    pub(super) fn start_again(&mut self, known: KnownSlice) -> Result<Started> {
        let KnownSlice { slice, trajectory, layers, planned, .. } = known;
        let (centre, directions) = self.recorded_directions(&slice)?;
        self.check_same_study(&slice, &centre)?;
        let vectors: Vec<&Vector> = directions.iter().map(Arc::as_ref).collect();
        let facts = Facts::of(&self.studied.map.layout, &centre.weights, &vectors)?;
        let (gram, moving) = (facts.gram, facts.moving());
        let grid = *layers[0].grid();
        let batchnorm = batchnorm(&slice.batchnorm);
        let recalibration = self.recalibration(batchnorm, &centre)?;
        let extent = Measuring::default();
        let plan = Plan {
            slice,
            grid,
            centre,
            directions,
            sent: SentDirections::default(),
            moving,
            gram,
            trajectory,
            batchnorm,
            recalibration,
            extent,
            planned,
        };
        Ok(Started { plan, layers })
    }

    /// Where a recorded slice lies: a snapshot of the run, or the weights that were kept with the slice.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchCentre`] if the run holds neither; [`Error::SnapshotRead`].
    pub(super) fn recorded_point(&self, slice: &Slice) -> Result<Point> {
        if let Some(index) = slice.centre_snapshot {
            let is_final = self.studied.final_snapshot == Some(index);
            return Ok(if is_final { Point::Final } else { Point::Snapshot(index) });
        }
        let no_such_centre = || Error::NoSuchCentre {
            slice: slice.name.clone(),
            centre: slice.centre.clone(),
            run: self.active.recorder.folder.path().to_path_buf(),
        };
        let file = slice.directions.as_ref().ok_or_else(no_such_centre)?;
        let path = self.active.recorder.folder.resolve(file)?;
        let mut stored = snapshot::open_directions(&path, self.studied.map.layout.len())?;
        let tensors = self.tensors_of(&mut stored)?;
        Ok(Point::Weights(Weights(WeightsOf { label: slice.centre.clone(), tensors }.into())))
    }

    fn recorded_directions(&mut self, slice: &Slice) -> Result<CentreAndDirections> {
        let Some(file) = &slice.directions else {
            let centre = self.recorded_centre(slice, Vec::new())?;
            let directions = self.drawn_again(slice, &centre)?;
            return Ok((centre, directions));
        };
        let path = self.active.recorder.folder.resolve(file)?;
        let mut stored = snapshot::open_directions(&path, self.studied.map.layout.len())?;
        let expected = 1 + usize::from(slice.y.is_some());
        if stored.directions.len() != expected {
            let found = stored.directions.len();
            let reason =
                format!("of the directions of the slice, {expected} in all, it holds {found}");
            return Err(Error::SnapshotRead { file: path, reason });
        }
        let centre = match slice.centre_snapshot {
            None => self.tensors_of(&mut stored)?,
            Some(_) => Vec::new(),
        };
        let centre = self.recorded_centre(slice, centre)?;
        let directions = self.given_back(stored.directions)?;
        Ok((centre, directions))
    }

    /// Directions of a file, in memory where vectors are held there.
    pub(super) fn given_back(&self, stored: Vec<StoredVector>) -> Result<Vec<Arc<Vector>>> {
        let direction = |it: StoredVector| match self.holds_vectors() {
            false => Ok(Arc::new(Vector::Stored(it))),
            true => {
                let mut values = vec![0.0; self.studied.map.layout.len()];
                it.read(0, &mut values)?;
                Ok(Arc::new(Vector::Held(values)))
            }
        };
        stored.into_iter().map(direction).collect()
    }

    /// The centre of a slice: a snapshot of the run, or these tensors.
    fn recorded_centre(&mut self, slice: &Slice, tensors: Vec<NamedTensor>) -> Result<Rc<Centre>> {
        match slice.centre_snapshot {
            Some(index) if self.studied.final_snapshot == Some(index) => self.centre(&Point::Final),
            Some(index) => self.centre(&Point::Snapshot(index)),
            None => {
                let (label, snapshot) = (slice.centre.clone(), None);
                Ok(Rc::new(self.make_centre(Located { label, snapshot, tensors })?))
            }
        }
    }

    /// The centre of a file of directions as the tensors of a model.
    fn tensors_of(&self, stored: &mut StoredSlice) -> Result<Vec<NamedTensor>> {
        let tensor = |block: &burnscape_landscape::layout::Block| {
            let mut values = vec![0.0; block.len()];
            stored.centre.read(block.offset, &mut values)?;
            let data = TensorData::new(values, block.shape.clone());
            Ok(NamedTensor { path: block.path.clone(), data })
        };
        let mut tensors: Vec<NamedTensor> =
            self.studied.map.layout.blocks().iter().map(tensor).collect::<Result<_>>()?;
        tensors.append(&mut stored.buffers);
        Ok(tensors)
    }

    fn drawn_again(&self, slice: &Slice, centre: &Centre) -> Result<Vec<Arc<Vector>>> {
        let options = DirectionOptions {
            normalisation: normalisation(&slice.normalisation),
            biases: biases(&slice.biases),
            move_frozen: slice.moves_frozen,
        };
        let seeds = std::iter::once(&slice.x).chain(&slice.y).map(|axis| axis.seed);
        let draw = |seed: Option<u64>| {
            let seed =
                seed.ok_or_else(|| self.other_study(slice, "its directions are not kept"))?;
            self.drawn(seed, &options, centre)
        };
        let mut directions = seeds.map(draw).collect::<Result<Vec<_>>>()?;
        if let [x, y] = &mut directions[..]
            && slice.orthogonalised
        {
            *y = self.orthogonal(x, y.clone(), centre)?;
        }
        Ok(directions)
    }

    /// The same quantities on the same batches: bit for bit the same values at the centre.
    fn check_same_study(&self, slice: &Slice, centre: &Centre) -> Result<()> {
        let names = self.quantities.layers();
        let recorded = slice.layers.iter().map(|layer| layer.name.as_str());
        let now: Vec<&str> = names.iter().skip(1).map(|layer| layer.name.as_str()).collect();
        if recorded.clone().ne(now.iter().copied()) {
            let recorded: Vec<&str> = recorded.collect();
            let what = format!(
                "it was begun with the further quantities {recorded:?}, this study has {now:?}"
            );
            return Err(self.other_study(slice, &what));
        }
        let recorded = slice.layers.iter().map(|layer| layer.centre);
        let recorded = std::iter::once(slice.centre_loss).chain(recorded);
        let found = self.found_at(centre)?;
        for (recorded, (value, name)) in recorded.zip(found.values.iter().zip(&names)) {
            if !same(recorded, value.mean) {
                let what = format!(
                    "`{}` at its centre was {recorded} when it was begun and is {} now",
                    name.name, value.mean
                );
                return Err(self.other_study(slice, &what));
            }
        }
        Ok(())
    }

    fn other_study(&self, slice: &Slice, what: &str) -> Error {
        Error::OtherStudy { slice: slice.name.clone(), what: what.to_string() }
    }
}

pub(super) fn batchnorm(name: &str) -> BatchNormMode {
    match name {
        "recalibrate" => BatchNormMode::Recalibrate,
        _ => BatchNormMode::Centre,
    }
}

pub(super) fn normalisation(name: &str) -> Normalisation {
    match name {
        "layer" => Normalisation::Layer,
        "weight" => Normalisation::Weight,
        "none" => Normalisation::None,
        _ => Normalisation::Filter,
    }
}

pub(super) fn biases(name: &str) -> Biases {
    match name {
        "kept" => Biases::Kept,
        "filter" => Biases::Filter,
        _ => Biases::Ignored,
    }
}
