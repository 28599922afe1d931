//! Directions: from what was asked for to a vector in layout order.

use std::sync::Arc;

use burnscape_landscape::direction::{self, DirectionOptions, DrawnDirection, GramSchmidt};

use super::centre::Centre;
use super::open_study::AnyStudy;
use super::slice_spec::{Direction, SliceSpec};
use super::sweep::{Facts, sweep};
use super::training_path::Geometry;
use super::vector::Vector;
use crate::config::chosen::Chosen;
use crate::model::point::Point;
use crate::{Error, Result};

/// A direction with its provenance.
pub(super) struct Axis {
    pub values: Arc<Vector>,
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
        Self::along(kind, label, Arc::new(Vector::Held(values)))
    }

    fn along(kind: &'static str, label: String, values: Arc<Vector>) -> Self {
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

impl AnyStudy<'_> {
    /// The one or two directions of a slice, none of them zero, nor parallel to each other, and what is known of them.
    pub(super) fn axes(&mut self, spec: &SliceSpec, centre: &Centre) -> Result<(Vec<Axis>, Facts)> {
        let mut axes = Vec::new();
        for (number, direction) in spec.directions().enumerate() {
            let axis = self.axis(direction, number, spec, centre)?;
            let axis = self.within(axis, &spec.blocks)?;
            check_moves(&axis, &self.facts(std::slice::from_ref(&axis), centre)?)?;
            axes.push(axis);
        }
        let facts = self.facts(&axes, centre)?;
        let [x, y] = &mut axes[..] else { return Ok((axes, facts)) };
        check_spans(x, y, &facts)?;
        if !spec.orthogonal {
            return Ok((axes, facts));
        }
        y.values = self.orthogonal(&x.values, y.values.clone(), centre)?;
        let facts = self.facts(&axes, centre)?;
        Ok((axes, facts))
    }

    /// The part of a direction that lies in the blocks chosen.
    fn within(&self, axis: Axis, blocks: &Chosen) -> Result<Axis> {
        if blocks.is_everything() {
            return Ok(axis);
        }
        let layout = &self.studied.map.layout;
        let moving: Vec<bool> = layout.blocks().iter().map(|it| blocks.holds(&it.path)).collect();
        if !moving.contains(&true) {
            let example = layout.blocks()[0].path.clone();
            return Err(Error::NothingChosen { patterns: blocks.0.clone(), example });
        }
        let values = axis.values.within(layout, &moving);
        let kind = if axis.kind == "random" { axis.kind } else { "given" };
        let label = format!("{} in {}", axis.label, blocks.0.join(", "));
        Ok(Axis { seed: axis.seed, ..Axis::along(kind, label, Arc::new(values)) })
    }

    fn facts(&self, axes: &[Axis], centre: &Centre) -> Result<Facts> {
        let directions: Vec<&Vector> = axes.iter().map(|axis| axis.values.as_ref()).collect();
        Facts::of(&self.studied.map.layout, &centre.weights, &directions)
    }

    /// The second direction without its part along the first, as long as it was.
    pub(super) fn orthogonal(
        &self,
        first: &Arc<Vector>,
        second: Arc<Vector>,
        centre: &Centre,
    ) -> Result<Arc<Vector>> {
        if let (Some(x), Some(y)) = (first.held(), second.held()) {
            let mut y = y.to_vec();
            direction::orthogonalise(x, &mut y)?;
            return Ok(Arc::new(Vector::Held(y)));
        }
        let layout = &self.studied.map.layout;
        let steps = GramSchmidt::of(layout.len(), |visit| {
            sweep(layout, &centre.weights, &[first, &second], |piece| {
                visit(&piece.directions[0], &piece.directions[1]);
                Ok(())
            })
        });
        let (first, steps) = (first.clone(), steps.map_err(|error: Error| error)?);
        Ok(Arc::new(Vector::Orthogonal { first, second, steps }))
    }

    fn axis(
        &mut self,
        direction: &Direction,
        number: usize,
        spec: &SliceSpec,
        centre: &Centre,
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
        centre: &Centre,
    ) -> Result<Axis> {
        let options = DirectionOptions {
            normalisation: spec.normalisation,
            biases: spec.biases,
            move_frozen: spec.move_frozen,
        };
        let values = self.drawn(seed, &options, centre)?;
        let axis = Axis::along("random", format!("random {}", number + 1), values);
        Ok(Axis { seed: Some(seed), ..axis })
    }

    /// The random direction of a seed around a centre.
    pub(super) fn drawn(
        &self,
        seed: u64,
        options: &DirectionOptions,
        centre: &Centre,
    ) -> Result<Arc<Vector>> {
        let layout = &self.map_at(centre).layout;
        if let Some(values) = centre.weights.held() {
            return Ok(Arc::new(Vector::Held(direction::random(layout, values, seed, options)?)));
        }
        let mut drawn = DrawnDirection::new(layout, seed, *options);
        for (number, block) in layout.blocks().iter().enumerate() {
            if drawn.moves(number) {
                drawn.scale_to(number, &centre.weights.block(number, block)?);
            }
        }
        Ok(Arc::new(Vector::Drawn(drawn)))
    }

    /// The second component always has a direction, so that a plane can be drawn of two snapshots.
    fn component(&mut self, k: usize) -> Result<Axis> {
        self.analyse(k.max(2))?;
        let geometry = self.path.geometry.as_ref();
        let most = |geometry: &&Geometry| k <= (geometry.used.len().saturating_sub(1)).max(2);
        let found = geometry.filter(most).and_then(|it| it.component(k.checked_sub(1)?));
        let Some((component, direction)) = found else {
            return Err(self.no_such_component(k));
        };
        let axis = Axis::along("pca", format!("PC {k}"), direction.clone());
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

    fn towards(&mut self, point: &Point, centre: &Centre) -> Result<Axis> {
        let located = self.locate(point)?;
        let to = self.studied.map.flatten(&located.tensors);
        self.check_point(&located.label, &to)?;
        let centre = centre.weights.flat(&self.studied.map.layout)?;
        let values = direction::between(&centre, &to)?;
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

fn check_moves(axis: &Axis, facts: &Facts) -> Result<()> {
    let label = axis.label.clone();
    if !facts.are_finite[0] {
        return Err(Error::NonFiniteDirection { direction: label });
    }
    match facts.moves(0) {
        true => Ok(()),
        false => Err(Error::ZeroDirection { direction: label }),
    }
}

fn check_spans(x: &Axis, y: &Axis, facts: &Facts) -> Result<()> {
    if !facts.gram.is_degenerate() {
        return Ok(());
    }
    let (x, y, cosine) = (x.label.clone(), y.label.clone(), facts.gram.cosine());
    Err(Error::ParallelDirections { x, y, cosine })
}
