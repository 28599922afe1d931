//! How high the loss climbs on the straight line between two models.

use crate::error::{Error, check_length};

/// Losses on the line θ(λ) = (1 − λ)·a + λ·b, batch by batch, the same batches at every node.
#[derive(Debug, Clone, PartialEq)]
pub struct LineLosses {
    lambdas: Vec<f64>,
    /// One row per node, one mean loss per batch.
    batches: Vec<Vec<f64>>,
    /// What each batch counts for, its samples as a rule.
    weights: Vec<f64>,
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

impl LineLosses {
    /// `batches` holds for each node the mean loss of each batch, `weights` what a batch counts for.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many rows as nodes or losses in a row as weights,
    /// [`Error::LineNodes`] if the nodes do not ascend from 0 to 1.
    pub fn new(
        lambdas: Vec<f64>,
        batches: Vec<Vec<f64>>,
        weights: Vec<f64>,
    ) -> Result<Self, Error> {
        check_length("the list of nodes with losses", lambdas.len(), batches.len())?;
        for row in &batches {
            check_length("the list of losses of a node", weights.len(), row.len())?;
        }
        let ascends = lambdas.windows(2).all(|pair| pair[0] < pair[1]);
        let ends = (lambdas.first().copied(), lambdas.last().copied());
        if !ascends || ends != (Some(0.0), Some(1.0)) {
            return Err(Error::LineNodes { nodes: lambdas.len() });
        }
        Ok(Self { lambdas, batches, weights })
    }

    /// The barrier between the ends (Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis",
    /// section 2, there called error barrier; with the line between the two losses subtracted as by Entezari et al. 2022).
    ///
    /// Its standard error is that of a weighted mean over batches of what lies over the connection at the node found: nodes
    /// share their samples, so that what a batch is harder by cancels.
    #[must_use]
    pub fn barrier(&self) -> Barrier {
        let excess: Vec<f64> = (0..self.lambdas.len()).map(|node| self.mean_excess(node)).collect();
        let finite = excess.iter().enumerate().filter(|(_, it)| it.is_finite());
        let highest = finite.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let top = highest.filter(|(_, it)| **it > 0.0).map(|(node, _)| node);
        let losses: Vec<f64> = self.batches.iter().map(|row| self.mean(row)).collect();
        let at_ends = excess[0] + excess[excess.len() - 1];
        Barrier {
            height: top.map_or(at_ends, |node| excess[node]),
            lambda: top.map_or(0.0, |node| self.lambdas[node]),
            stderr: top.map_or(f64::NAN, |node| self.stderr(&self.excess(node))),
            non_finite: losses.iter().filter(|loss| !loss.is_finite()).count(),
            excess,
            losses,
        }
    }

    /// Standard error of the difference of the mean losses of two nodes, over batches; NaN with fewer than two.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    #[must_use]
    pub fn difference_stderr(&self, a: usize, b: usize) -> f64 {
        let pairs = self.batches[a].iter().zip(&self.batches[b]);
        self.stderr(&pairs.map(|(a, b)| a - b).collect::<Vec<_>>())
    }

    fn mean_excess(&self, node: usize) -> f64 {
        let is_end = node == 0 || node + 1 == self.lambdas.len();
        if is_end && self.mean(&self.batches[node]).is_finite() {
            return 0.0;
        }
        self.mean(&self.excess(node))
    }

    /// Batch by batch.
    fn excess(&self, node: usize) -> Vec<f64> {
        let lambda = self.lambdas[node];
        let [first, last] = [0, self.lambdas.len() - 1].map(|end| &self.batches[end]);
        let ends = first.iter().zip(last).map(|(a, b)| (1.0 - lambda) * a + lambda * b);
        self.batches[node].iter().zip(ends).map(|(loss, between)| loss - between).collect()
    }

    fn mean(&self, values: &[f64]) -> f64 {
        weighted(values, &self.weights) / self.weights.iter().sum::<f64>()
    }

    fn stderr(&self, values: &[f64]) -> f64 {
        let (mean, total) = (self.mean(values), self.weights.iter().sum::<f64>());
        let count = values.len() as f64;
        let squares = values.iter().zip(&self.weights);
        let sum: f64 = squares.map(|(it, weight)| (weight / total * (it - mean)).powi(2)).sum();
        // 0/0, unknown, with one batch.
        (sum * count / (count - 1.0)).sqrt()
    }
}

fn weighted(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| weight * value).sum()
}
