//! How the bend of a path is trained, and the bends that were.

use std::path::PathBuf;

use burnscape_landscape::curve::{Bend, BendOptions};

use crate::config::check::check;
use crate::model::point::Point;
use crate::study::bending::Ends;
use crate::study::open_study::AnyStudy;
use crate::study::ways::NODES;
use crate::{Error, Result};

/// How the bend of a path is trained; by default 1,000 steps at a rate of 0.05, with a momentum of 0.9.
///
/// The rate stays for half of the steps, then falls in a straight line to a hundredth (Garipov et al. 2018, appendix A.2).
///
/// # Examples
///
/// ```
/// let long = burnscape::BentPathSpec::new().steps(5000).rate(0.01);
/// # let _ = long;
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Comparison::connect_with`"]
pub struct BentPathSpec {
    pub(super) options: BendOptions,
    pub(super) nodes: usize,
    resume_from: Option<PathBuf>,
}

impl Default for BentPathSpec {
    fn default() -> Self {
        Self { options: BendOptions::default(), nodes: NODES, resume_from: None }
    }
}

impl BentPathSpec {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps of training in all, each on one batch.
    pub fn steps(mut self, steps: usize) -> Self {
        self.options.steps = steps;
        self
    }

    /// Learning rate of the first half of the steps: about that of plain gradient descent on the model.
    pub fn rate(mut self, rate: f64) -> Self {
        self.options.rate = rate;
        self
    }

    /// Share of each step that the next one takes again, from 0 to below 1.
    pub fn momentum(mut self, share: f64) -> Self {
        self.options.momentum = share;
        self
    }

    /// Nodes on the path at which everything is measured, at least 3.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes.max(3);
        self
    }

    /// Goes on with the bend between the same two models that a comparison in this run folder has kept when it was stopped:
    /// that of the same steps, rate and momentum, as the rate of a step depends on how many there are.
    pub fn resume_from(mut self, comparison: impl Into<PathBuf>) -> Self {
        self.resume_from = Some(comparison.into());
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        let BendOptions { steps, rate, momentum } = self.options;
        check("steps", steps > 0, &steps, "one step or more")?;
        check("rate", rate > 0.0 && rate.is_finite(), &rate, "a positive number")?;
        check("momentum", (0.0..1.0).contains(&momentum), &momentum, "from 0 to below 1")
    }
}

/// A bend that was trained between two points, as far as it came.
pub(super) struct KeptBend {
    points: [Point; 2],
    options: BendOptions,
    pub bend: Bend,
}

/// The number of the bend that was begun between these points in the same way, or of a new one.
pub(super) fn kept(
    bends: &mut Vec<KeptBend>,
    open: &AnyStudy<'_>,
    ends: &Ends<'_>,
    spec: &BentPathSpec,
) -> Result<usize> {
    let (points, options) = (ends.points.map(Clone::clone), spec.options);
    let is_same = |it: &KeptBend| it.points == points && it.options == options;
    if let Some(number) = bends.iter().position(is_same) {
        return Ok(number);
    }
    let bend = match &spec.resume_from {
        None => open.bend_between(ends)?,
        Some(folder) => open.kept_bend(folder, ends, &options)?.ok_or_else(|| Error::Setting {
            setting: "resume_from",
            found: folder.display().to_string(),
            expected: "a comparison that has kept a bend between the same two models, in this order, trained by the same steps, \
                       rate and momentum",
        })?,
    };
    bends.push(KeptBend { points, options, bend });
    Ok(bends.len() - 1)
}
