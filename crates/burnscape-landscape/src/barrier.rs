//! How high the loss climbs on the straight line between two models.

use crate::error::{Error, check_length};
use crate::evaluate::{BatchLoss, mean_over_samples};
use crate::surface::NodeValue;

/// Losses on the line θ(λ) = (1 − λ)·a + λ·b, batch by batch, the same batches at every node.
#[derive(Debug, Clone, PartialEq)]
pub struct LineLosses {
    lambdas: Vec<f64>,
    /// One row per node.
    batches: Vec<Vec<BatchLoss>>,
}

/// The highest point of the line over the straight connection of its ends' losses.
#[derive(Debug, Clone, PartialEq)]
pub struct Barrier {
    /// max L(θ(λ)) − [(1 − λ)·L(a) + λ·L(b)] over the nodes with finite losses, both ends among them, where it is 0: never
    /// negative. NaN if an end has no finite loss.
    pub height: f64,
    /// Where it is, in [0, 1]; 0 if nothing lies above the connection.
    pub lambda: f64,
    /// Standard error of the height over batches; NaN with fewer than two, and where the height is 0 at an end. That the
    /// highest of several nodes was picked is not in it.
    pub stderr: f64,
    /// L(θ(λ)) − [(1 − λ)·L(a) + λ·L(b)] at every node, negative where the line sags; NaN or infinite where a loss is.
    pub excess: Vec<f64>,
    /// Mean loss at every node.
    pub losses: Vec<f64>,
    /// Nodes whose loss is NaN or infinite, which the height passes over.
    pub non_finite: usize,
}

impl Barrier {
    /// The largest finite loss; NaN if none is finite.
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.losses.iter().copied().filter(|it| it.is_finite()).fold(f64::NAN, f64::max)
    }
}

impl LineLosses {
    /// `batches` holds for each node the loss of each batch.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many rows as nodes or batches in each row, [`Error::LineNodes`] if the
    /// nodes do not ascend from 0 to 1.
    pub fn new(lambdas: Vec<f64>, batches: Vec<Vec<BatchLoss>>) -> Result<Self, Error> {
        check_length("the list of nodes with losses", lambdas.len(), batches.len())?;
        for row in &batches {
            check_length("the list of losses of a node", batches[0].len(), row.len())?;
        }
        let ascends = lambdas.windows(2).all(|pair| pair[0] < pair[1]);
        let ends = (lambdas.first().copied(), lambdas.last().copied());
        if !ascends || ends != (Some(0.0), Some(1.0)) {
            return Err(Error::LineNodes { nodes: lambdas.len() });
        }
        Ok(Self { lambdas, batches })
    }

    /// Mean loss at every node, with its standard error over batches.
    #[must_use]
    pub fn means(&self) -> Vec<NodeValue> {
        self.batches.iter().map(|row| mean_over_samples(row)).collect()
    }

    /// The barrier between the ends (Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis",
    /// section 2, there called error barrier; with the line between the two losses subtracted as by Entezari et al. 2022).
    ///
    /// Its standard error is that of a weighted mean over batches of what lies over the connection at the node found: nodes
    /// share their samples, so that what a batch is harder by cancels.
    #[must_use]
    pub fn barrier(&self) -> Barrier {
        let last = self.lambdas.len() - 1;
        let excess: Vec<NodeValue> = (0..=last).map(|node| self.excess(node)).collect();
        let finite = excess.iter().enumerate().filter(|(_, it)| it.mean.is_finite());
        let highest = finite.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean).then(b.0.cmp(&a.0)));
        let top = highest.filter(|(_, it)| it.mean > 0.0).map(|(node, _)| node);
        let losses: Vec<f64> = self.means().iter().map(|it| it.mean).collect();
        let at_ends = excess[0].mean + excess[last].mean;
        Barrier {
            height: top.map_or(at_ends, |node| excess[node].mean),
            lambda: top.map_or(0.0, |node| self.lambdas[node]),
            stderr: top.map_or(f64::NAN, |node| excess[node].stderr),
            non_finite: losses.iter().filter(|loss| !loss.is_finite()).count(),
            excess: excess.iter().map(|it| it.mean).collect(),
            losses,
        }
    }

    /// How far a quantity of which more is better, such as an accuracy, falls below the straight connection of its ends: the
    /// barrier of its negative. Heights and excess are falls, `losses` are the values.
    #[must_use]
    pub fn fall(&self) -> Barrier {
        let negated = |loss: &BatchLoss| BatchLoss { mean: -loss.mean, ..*loss };
        let batches = self.batches.iter().map(|row| row.iter().map(negated).collect());
        let negative = Self { lambdas: self.lambdas.clone(), batches: batches.collect() };
        let losses = self.means().iter().map(|it| it.mean).collect();
        Barrier { losses, ..negative.barrier() }
    }

    /// Standard error of the difference of the mean losses of two nodes, over batches; NaN with fewer than two.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    #[must_use]
    pub fn difference_stderr(&self, a: usize, b: usize) -> f64 {
        let pairs = self.batches[a].iter().zip(&self.batches[b]);
        let differences = pairs.map(|(a, b)| BatchLoss { mean: a.mean - b.mean, ..*a });
        mean_over_samples(&differences.collect::<Vec<_>>()).stderr
    }

    /// Over the connection of the ends, where it is 0 to the bit.
    fn excess(&self, node: usize) -> NodeValue {
        let lambda = self.lambdas[node];
        let [first, last] = [0, self.lambdas.len() - 1].map(|end| &self.batches[end]);
        let ends = first.iter().zip(last);
        let over = self.batches[node].iter().zip(ends).map(|(loss, (a, b))| BatchLoss {
            mean: loss.mean - ((1.0 - lambda) * a.mean + lambda * b.mean),
            ..*loss
        });
        let found = mean_over_samples(&over.collect::<Vec<_>>());
        let is_end = lambda == 0.0 || lambda == 1.0;
        let is_known = mean_over_samples(&self.batches[node]).mean.is_finite();
        if is_end && is_known { NodeValue { mean: 0.0, ..found } } else { found }
    }
}
