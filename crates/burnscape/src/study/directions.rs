//! Directions: from what was asked for to a vector in layout order.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::direction::{self, DirectionOptions};
use burnscape_landscape::plane::PlaneGram;

use super::centre::Centre;
use super::open_study::OpenStudy;
use super::slice_spec::{Direction, SliceSpec};
use crate::model::point::Point;
use crate::{Error, Result};

/// A direction with its provenance.
pub(super) struct Axis {
    pub values: Vec<f32>,
    pub label: String,
    pub kind: &'static str,
    pub seed: Option<u64>,
    pub explained: Option<f64>,
    /// Number of the principal component that it is, counted from 1.
    pub component: Option<usize>,
    /// The snapshots do not vary along this principal component.
    pub degenerate: bool,
}

impl Axis {
    fn of(kind: &'static str, label: String, values: Vec<f32>) -> Self {
        Self {
            values,
            label,
            kind,
            seed: None,
            explained: None,
            component: None,
            degenerate: false,
        }
    }
}

impl<M> OpenStudy<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The one or two directions of a slice, none of them zero, nor parallel to each other.
    pub(super) fn axes(&mut self, spec: &SliceSpec, centre: &Centre<M>) -> Result<Vec<Axis>> {
        let mut axes = Vec::new();
        for (number, direction) in spec.directions().enumerate() {
            let axis = self.axis(direction, number, spec, centre)?;
            check_moves(&axis)?;
            axes.push(axis);
        }
        if let [x, y] = &mut axes[..] {
            check_spans(x, y)?;
            if spec.orthogonal {
                direction::orthogonalise(&x.values, &mut y.values)?;
            }
        }
        Ok(axes)
    }

    fn axis(
        &mut self,
        direction: &Direction,
        number: usize,
        spec: &SliceSpec,
        centre: &Centre<M>,
    ) -> Result<Axis> {
        match direction {
            Direction::Random { seed } => {
                let seed = seed.unwrap_or_else(|| self.axis_seed(spec, number));
                self.random_axis(seed, number, spec, centre)
            }
            Direction::Component(k) => self.component(*k),
            Direction::To(point) => self.towards(point, centre),
            Direction::Difference(from, to) => self.difference(from, to),
            Direction::LastUpdate => self.last_update(),
            Direction::Eigenvector(number) => {
                let values = self.eigenvector(&spec.centre, *number, &centre.label)?;
                Ok(Axis::of("hessian", format!("eigenvector {number}"), values))
            }
            Direction::Given(given) => {
                self.check_length(given.values.len())?;
                Ok(Axis::of(given.kind, given.label.clone(), given.values.to_vec()))
            }
        }
    }

    /// Two streams for every seed of a slice.
    fn axis_seed(&self, spec: &SliceSpec, number: usize) -> u64 {
        let seed = spec.seed.unwrap_or(self.active.config.study.seed);
        seed.wrapping_mul(2).wrapping_add(number as u64)
    }

    fn random_axis(
        &self,
        seed: u64,
        number: usize,
        spec: &SliceSpec,
        centre: &Centre<M>,
    ) -> Result<Axis> {
        let options = DirectionOptions {
            normalisation: spec.normalisation,
            biases: spec.biases,
            move_frozen: spec.move_frozen,
        };
        let values = direction::random(&self.map_at(centre).layout, &centre.flat, seed, &options)?;
        let axis = Axis::of("random", format!("random {}", number + 1), values);
        Ok(Axis { seed: Some(seed), ..axis })
    }

    /// The second component always has a direction, so that a plane can be drawn of two snapshots.
    fn component(&mut self, k: usize) -> Result<Axis> {
        self.analyse(k.max(2))?;
        let pca = self.path.geometry.as_ref().and_then(|it| it.pca.as_ref());
        let pca = pca.filter(|pca| k <= (pca.snapshots() - 1).max(2));
        let component = pca.and_then(|pca| pca.components.get(k.checked_sub(1)?));
        let Some(component) = component else {
            return Err(self.no_such_component(k));
        };
        let axis = Axis::of("pca", format!("PC {k}"), component.direction.clone());
        let (explained, degenerate) = (Some(component.explained), component.degenerate);
        Ok(Axis { explained, component: Some(k), degenerate, ..axis })
    }

    fn no_such_component(&self, k: usize) -> Error {
        let snapshots = self.path.used().len();
        match snapshots {
            0 | 1 => self.too_few_finite(snapshots),
            _ => Error::NoSuchComponent { component: k, snapshots },
        }
    }

    fn towards(&mut self, point: &Point, centre: &Centre<M>) -> Result<Axis> {
        let located = self.locate(point)?;
        let to = self.studied.map.flatten(&located.tensors);
        self.check_point(&located.label, &to)?;
        let values = direction::between(&centre.flat, &to)?;
        Ok(Axis::of("points", format!("to {}", located.label), values))
    }

    fn difference(&mut self, from: &Point, to: &Point) -> Result<Axis> {
        let (from, to) = (self.locate(from)?, self.locate(to)?);
        let (before, after) =
            (self.studied.map.flatten(&from.tensors), self.studied.map.flatten(&to.tensors));
        self.check_point(&from.label, &before)?;
        self.check_point(&to.label, &after)?;
        let values = direction::between(&before, &after)?;
        Ok(Axis::of("points", format!("{} − {}", to.label, from.label), values))
    }

    fn check_point(&self, label: &str, flat: &[f32]) -> Result<()> {
        match flat.iter().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(Error::NonFiniteDirection { direction: label.to_string() }),
        }
    }

    fn last_update(&self) -> Result<Axis> {
        let update = self.studied.last_update.as_ref().ok_or_else(|| Error::NoLastUpdate {
            run: self.active.recorder.folder.path().to_path_buf(),
        })?;
        Ok(Axis::of("update", "last update".into(), update.clone()))
    }

    fn check_length(&self, found: usize) -> Result<()> {
        let expected = self.studied.map.layout.len();
        if found == expected {
            return Ok(());
        }
        let what = "the given direction";
        Err(burnscape_landscape::Error::LengthMismatch { what, expected, found }.into())
    }
}

fn check_moves(axis: &Axis) -> Result<()> {
    let label = axis.label.clone();
    if axis.values.iter().any(|value| !value.is_finite()) {
        return Err(Error::NonFiniteDirection { direction: label });
    }
    match axis.values.iter().any(|&value| value != 0.0) {
        true => Ok(()),
        false => Err(Error::ZeroDirection { direction: label }),
    }
}

fn check_spans(x: &Axis, y: &Axis) -> Result<()> {
    let gram = PlaneGram::new(&x.values, &y.values)?;
    if !gram.is_degenerate() {
        return Ok(());
    }
    let (x, y, cosine) = (x.label.clone(), y.label.clone(), gram.cosine());
    Err(Error::ParallelDirections { x, y, cosine })
}
