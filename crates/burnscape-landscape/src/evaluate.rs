//! Measuring a surface: nodes dealt out to workers, coarse to fine, stoppable and resumable.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::grid::{Grid, Level};
use crate::surface::{NodeValue, Surface};

/// What is measured at the nodes, as a function of the coefficients of two directions: one worker's model and
/// its samples.
///
/// Every worker must give the same values for the same coefficients: the same samples, inference mode, always
/// from the saved centre. Then the surface does not depend on how many workers there are.
pub trait Loss {
    /// Why a loss cannot be computed. NaN and infinite losses are values, not errors.
    type Error;

    /// What is measured at the points `centre + α·d₁ + β·d₂`, given as (α, β): for each point in turn its
    /// loss, then every further layer.
    ///
    /// # Errors
    ///
    /// If a value cannot be computed; the whole evaluation then ends.
    fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>, Self::Error>;

    /// Takes back an error of its own: the worker measures no more, and the nodes that it was asked for remain to be measured
    /// by others. By default the error ends the evaluation.
    fn give_up(&mut self, error: Self::Error) -> Option<Self::Error> {
        Some(error)
    }

    /// Points to be asked for together, so that a device need not wait for the answer to each.
    fn points_at_once(&self) -> usize {
        1
    }
}

/// Any function of the coefficients is a loss; its standard error is unknown, and it never fails.
impl<F: FnMut(f64, f64) -> f64> Loss for F {
    type Error = std::convert::Infallible;

    fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>, Self::Error> {
        let value =
            |&(alpha, beta): &(f64, f64)| NodeValue { mean: self(alpha, beta), stderr: f64::NAN };
        Ok(points.iter().map(value).collect())
    }
}

/// Why an evaluation ended early. What was measured until then is in the surface.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluateError<E> {
    /// There was nobody to evaluate the loss.
    #[error("no worker was given: pass at least one loss")]
    NoWorkers,
    /// A worker's loss failed.
    #[error("the loss at ({alpha}, {beta}) could not be computed")]
    Loss {
        /// Number of the node, the first of those that were asked for together.
        node: usize,
        /// Coefficient of the first direction.
        alpha: f64,
        /// Coefficient of the second direction.
        beta: f64,
        /// What the worker said.
        source: E,
    },
}

/// How an evaluation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Nodes measured by this call.
    pub measured: usize,
    /// Nodes of the order that are still to be measured: 0 unless somebody asked to stop, or a worker gave up.
    pub remaining: usize,
}

/// Measures the nodes of `order` that `surface` does not hold as measured yet, one thread per worker.
///
/// After each node or small group of nodes, `on_tile` is called on the calling thread with the surface and
/// the nodes that were added. `should_stop` is asked by every worker before every node; those in progress are
/// finished and kept. Nodes already measured are neither recomputed nor changed, so that a stopped evaluation
/// is continued by calling again. Values do not depend on the number of workers, the grouping of tiles does.
///
/// # Errors
///
/// [`EvaluateError::NoWorkers`]; [`EvaluateError::Loss`] for the failure that comes first in the order, after
/// the nodes in progress have been finished and kept.
///
/// # Panics
///
/// If a loss or a callback panics, or a node of `order` is not in the grid.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::evaluate::evaluate;
/// use burnscape_landscape::grid::{Axis, Grid};
/// use burnscape_landscape::surface::Surface;
///
/// let grid = Grid::plane(Axis::symmetric(1.0, 9)?, Axis::symmetric(1.0, 9)?);
/// let mut surface = Surface::new(grid);
/// let bowl = |alpha: f64, beta: f64| alpha * alpha + 4.0 * beta * beta;
/// let order = grid.coarse_to_fine();
/// evaluate(&mut surface, &order, &mut [bowl, bowl], |_, _| {}, || false)?;
/// assert_eq!(surface.lowest().unwrap().node, grid.centre());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate<L>(
    surface: &mut Surface,
    order: &[Level],
    workers: &mut [L],
    mut on_tile: impl FnMut(&Surface, &[usize]),
    should_stop: impl Fn() -> bool + Sync,
) -> Result<Outcome, EvaluateError<L::Error>>
where
    L: Loss + Send,
    L::Error: Send,
{
    let nodes: Vec<usize> = order.iter().flat_map(|level| level.nodes.iter().copied()).collect();
    let layers = std::slice::from_mut(surface);
    evaluate_layers(layers, &nodes, workers, |layers, tile| on_tile(&layers[0], tile), should_stop)
}

/// As [`evaluate`], for several quantities that are measured together: one surface of the same grid for each,
/// the loss first. What the first one holds as measured is not measured again.
///
/// # Errors
///
/// As [`evaluate`].
///
/// # Panics
///
/// If a loss or a callback panics, a node is not in the grid, there is no layer, or a worker gives more or
/// fewer values for a point than there are layers.
pub fn evaluate_layers<L>(
    layers: &mut [Surface],
    nodes: &[usize],
    workers: &mut [L],
    mut on_tile: impl FnMut(&[Surface], &[usize]),
    should_stop: impl Fn() -> bool + Sync,
) -> Result<Outcome, EvaluateError<L::Error>>
where
    L: Loss + Send,
    L::Error: Send,
{
    if workers.is_empty() {
        return Err(EvaluateError::NoWorkers);
    }
    let queue = Queue::new(&layers[0], nodes);
    let answers = thread::scope(|scope| {
        let (sender, receiver) = channel();
        for worker in workers {
            let (queue, should_stop, sender) = (&queue, &should_stop, sender.clone());
            scope.spawn(move || work(worker, queue, should_stop, &sender));
        }
        drop(sender);
        collect(layers, &receiver, &mut on_tile)
    });
    answers.outcome(&queue)
}

/// Nodes still to be measured, handed out in order.
struct Queue {
    grid: Grid,
    nodes: Vec<usize>,
    next: AtomicUsize,
    failed: AtomicBool,
}

impl Queue {
    fn new(surface: &Surface, nodes: &[usize]) -> Self {
        let nodes = nodes.iter().copied();
        Self {
            grid: *surface.grid(),
            nodes: nodes.filter(|&node| !surface.is_measured(node)).collect(),
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// The next place in the queue and the nodes from there on, up to `count`; none when it is empty or
    /// a worker has failed.
    fn take(&self, count: usize) -> Option<(usize, &[usize])> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let place = self.next.fetch_add(count, Ordering::Relaxed);
        let end = (place + count).min(self.nodes.len());
        let nodes = self.nodes.get(place..end).filter(|nodes| !nodes.is_empty())?;
        Some((place, nodes))
    }
}

/// The values at some nodes, point by point, or why there are none.
struct Answer<'q, E> {
    place: usize,
    nodes: &'q [usize],
    values: Result<Vec<NodeValue>, E>,
}

fn work<'q, L: Loss>(
    worker: &mut L,
    queue: &'q Queue,
    should_stop: &impl Fn() -> bool,
    answers: &Sender<Answer<'q, L::Error>>,
) {
    let count = worker.points_at_once().max(1);
    while !should_stop()
        && let Some((place, nodes)) = queue.take(count)
    {
        let points: Vec<_> = nodes.iter().map(|&node| queue.grid.coordinates(node)).collect();
        let values = match worker.values(&points) {
            Ok(values) => Ok(values),
            Err(error) => match worker.give_up(error) {
                None => return,
                Some(error) => Err(error),
            },
        };
        if values.is_err() {
            queue.failed.store(true, Ordering::Relaxed);
        }
        if answers.send(Answer { place, nodes, values }).is_err() {
            return;
        }
    }
}

struct Answers<E> {
    measured: usize,
    first_failure: Option<(usize, usize, E)>,
}

fn collect<E>(
    layers: &mut [Surface],
    answers: &Receiver<Answer<'_, E>>,
    on_tile: &mut impl FnMut(&[Surface], &[usize]),
) -> Answers<E> {
    let mut collected = Answers { measured: 0, first_failure: None };
    let mut tile = Vec::new();
    while let Ok(first) = answers.recv() {
        tile.clear();
        for answer in std::iter::once(first).chain(answers.try_iter()) {
            tile.extend_from_slice(collected.keep(layers, answer));
        }
        if !tile.is_empty() {
            on_tile(layers, &tile);
        }
    }
    collected
}

impl<E> Answers<E> {
    /// Puts values into the surfaces and gives back their nodes, or remembers a failure.
    fn keep<'q>(&mut self, layers: &mut [Surface], answer: Answer<'q, E>) -> &'q [usize] {
        match answer.values {
            Ok(values) => {
                put(layers, answer.nodes, &values);
                self.measured += answer.nodes.len();
                answer.nodes
            }
            Err(source) => {
                self.remember(answer.place, answer.nodes[0], source);
                &[]
            }
        }
    }

    fn remember(&mut self, place: usize, node: usize, source: E) {
        let is_first = self.first_failure.as_ref().is_none_or(|(earlier, ..)| place < *earlier);
        if is_first {
            self.first_failure = Some((place, node, source));
        }
    }

    fn outcome(self, queue: &Queue) -> Result<Outcome, EvaluateError<E>> {
        if let Some((_, node, source)) = self.first_failure {
            let (alpha, beta) = queue.grid.coordinates(node);
            return Err(EvaluateError::Loss { node, alpha, beta, source });
        }
        Ok(Outcome { measured: self.measured, remaining: queue.nodes.len() - self.measured })
    }
}

fn put(layers: &mut [Surface], nodes: &[usize], values: &[NodeValue]) {
    let given = values.len();
    assert_eq!(given, nodes.len() * layers.len(), "a value for every point and layer");
    for (&node, values) in nodes.iter().zip(values.chunks_exact(layers.len())) {
        for (layer, value) in layers.iter_mut().zip(values) {
            layer.set(node, *value);
        }
    }
}

/// Mean loss of one batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchLoss {
    /// Mean over the samples of the batch.
    pub mean: f64,
    /// Number of samples in the batch.
    pub samples: usize,
}

/// Mean over all samples of several batches, with its standard error.
///
/// With n_b samples and mean m_b in batch b, N = Σ n_b and B batches:
///
/// ```text
/// mean   = Σ n_b m_b / N                     each sample counts once, a short last batch counts less
/// stderr = √(σ² / N),  σ² = Σ n_b (m_b − mean)² / (B − 1)
/// ```
///
/// σ² is the variance of a single sample's loss, without bias if samples are drawn independently, since then
/// m_b has the variance σ²/n_b; for equal batches this is the usual standard error of B batch means. With one
/// batch the standard error is unknown, NaN; without samples both are NaN. Per-sample losses are batches of 1.
#[must_use]
pub fn mean_over_samples(batches: &[BatchLoss]) -> NodeValue {
    let batches = || batches.iter().filter(|batch| batch.samples > 0);
    let weighted = |of: &dyn Fn(f64) -> f64| -> f64 {
        batches().map(|batch| batch.samples as f64 * of(batch.mean)).sum()
    };
    let samples = weighted(&|_| 1.0);
    let mean = weighted(&|mean| mean) / samples;
    let degrees_of_freedom = batches().count() as f64 - 1.0;
    // 0/0 with one batch: NaN says unknown.
    let variance = weighted(&|batch| (batch - mean).powi(2)) / degrees_of_freedom;
    NodeValue {
        mean,
        stderr: if degrees_of_freedom > 0.0 { (variance / samples).sqrt() } else { f64::NAN },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::grid::Axis;

    fn grid() -> Grid {
        Grid::plane(Axis::symmetric(1.0, 9).unwrap(), Axis::symmetric(0.7, 7).unwrap())
    }

    /// Irrational enough that any reordering of arithmetic would show in the last bit.
    fn bumpy(alpha: f64, beta: f64) -> f64 {
        (3.1 * alpha).sin() + (beta - 0.2).exp() * alpha
    }

    fn bits(surface: &Surface) -> Vec<u64> {
        surface.losses().iter().map(|loss| loss.to_bits()).collect()
    }

    fn whole(workers: usize) -> Surface {
        let mut surface = Surface::new(grid());
        let order = grid().coarse_to_fine();
        evaluate(&mut surface, &order, &mut vec![bumpy; workers], |_, _| {}, || false).unwrap();
        surface
    }

    #[test]
    fn the_number_of_workers_does_not_change_a_bit() {
        let alone = whole(1);
        assert!(alone.is_complete());
        for workers in [2, 3, 16] {
            assert_eq!(bits(&alone), bits(&whole(workers)));
        }
    }

    #[test]
    fn a_linear_loss_lands_on_its_own_nodes_with_the_axes_not_swapped() {
        let grid = Grid::plane(Axis::symmetric(2.0, 5).unwrap(), Axis::symmetric(1.0, 3).unwrap());
        let mut surface = Surface::new(grid);
        let linear = |alpha: f64, beta: f64| 3.0 * alpha + 10.0 * beta;
        evaluate(&mut surface, &grid.coarse_to_fine(), &mut [linear], |_, _| {}, || false).unwrap();
        #[rustfmt::skip]
        let expected = [
            -16.0, -13.0, -10.0, -7.0, -4.0,
             -6.0,  -3.0,   0.0,  3.0,  6.0,
              4.0,   7.0,  10.0, 13.0, 16.0,
        ];
        assert_eq!(surface.losses(), expected);
    }

    #[test]
    fn one_worker_measures_in_the_order_given_and_tiles_tell_every_node_once() {
        let visited = Mutex::new(Vec::new());
        let mut worker = |alpha: f64, beta: f64| {
            visited.lock().unwrap().push((alpha, beta));
            0.0
        };
        let mut told = Vec::new();
        let mut surface = Surface::new(grid());
        let order = grid().coarse_to_fine();
        let on_tile = |surface: &Surface, tile: &[usize]| {
            assert!(tile.iter().all(|&node| surface.is_measured(node)));
            told.extend_from_slice(tile);
        };
        evaluate(&mut surface, &order, std::slice::from_mut(&mut worker), on_tile, || false)
            .unwrap();
        let nodes: Vec<usize> = order.into_iter().flat_map(|level| level.nodes).collect();
        let expected: Vec<_> = nodes.iter().map(|&node| grid().coordinates(node)).collect();
        assert_eq!(visited.into_inner().unwrap(), expected);
        assert_eq!(told, nodes);
    }

    #[test]
    fn losses_that_are_nan_infinite_negative_or_zero_are_kept_and_not_measured_again() {
        let odd = |alpha: f64, beta: f64| match (alpha < 0.0, beta < 0.0) {
            (true, true) => f64::NAN,
            (true, false) => f64::INFINITY,
            (false, true) => -1.0,
            (false, false) => 0.0,
        };
        let mut surface = Surface::new(grid());
        let order = grid().coarse_to_fine();
        evaluate(&mut surface, &order, &mut [odd], |_, _| {}, || false).unwrap();
        let before = bits(&surface);
        let never = |_: f64, _: f64| -> f64 { panic!("measured twice") };
        let again = evaluate(&mut surface, &order, &mut [never], |_, _| {}, || false).unwrap();
        assert_eq!(again, Outcome { measured: 0, remaining: 0 });
        assert_eq!(bits(&surface), before);
        assert!(surface.losses()[0].is_nan());
    }

    #[test]
    fn an_interpolated_node_is_measured_after_all() {
        let mut surface = Surface::new(grid());
        surface.set_interpolated(5, 99.0);
        let order = grid().coarse_to_fine();
        evaluate(&mut surface, &order, &mut [bumpy], |_, _| {}, || false).unwrap();
        assert!(surface.is_measured(5));
        assert_eq!(bits(&surface), bits(&whole(1)));
    }

    struct FailsAbove(f64);

    impl Loss for FailsAbove {
        type Error = String;

        fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>, String> {
            let value = |&(alpha, _): &(f64, f64)| match alpha > self.0 {
                true => Err("out of memory".into()),
                false => Ok(NodeValue { mean: alpha, stderr: 0.1 }),
            };
            points.iter().map(value).collect()
        }
    }

    #[test]
    fn a_failure_names_its_place_and_what_was_measured_stays() {
        let line = Grid::line(Axis::symmetric(4.0, 9).unwrap());
        let order = [Level { stride_x: 1, stride_y: 1, nodes: (0..9).collect() }];
        let mut surface = Surface::new(line);
        let mut worker = [FailsAbove(1.5)];
        let error = evaluate(&mut surface, &order, &mut worker, |_, _| {}, || false).unwrap_err();
        let source = "out of memory".to_string();
        assert_eq!(error, EvaluateError::Loss { node: 6, alpha: 2.0, beta: 0.0, source });
        assert_eq!(surface.counts().measured, 6);
        assert_eq!(surface.stderrs()[0], 0.1);
    }

    /// Two layers, the second one the first coefficient; several points at once.
    struct Pairs(usize);

    impl Loss for Pairs {
        type Error = std::convert::Infallible;

        fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>, Self::Error> {
            assert!(points.len() <= self.0);
            let value = |mean| NodeValue { mean, stderr: f64::NAN };
            let pair = |&(alpha, beta): &(f64, f64)| [value(bumpy(alpha, beta)), value(alpha)];
            Ok(points.iter().flat_map(pair).collect())
        }

        fn points_at_once(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn layers_are_measured_together_however_many_points_at_once() {
        let nodes: Vec<usize> = (0..grid().len()).collect();
        for at_once in [1, 5, 100] {
            let mut layers = [Surface::new(grid()), Surface::new(grid())];
            let workers = &mut [Pairs(at_once), Pairs(at_once)];
            let done = evaluate_layers(&mut layers, &nodes, workers, |_, _| {}, || false);
            assert_eq!(done, Ok(Outcome { measured: 63, remaining: 0 }));
            assert_eq!(bits(&layers[0]), bits(&whole(1)));
            let alphas: Vec<f64> = nodes.iter().map(|&node| grid().coordinates(node).0).collect();
            assert_eq!(layers[1].losses(), alphas);
        }
    }

    /// A worker that fails at its third point and gives up.
    struct Dies {
        left: usize,
        told: Option<String>,
    }

    impl Loss for Dies {
        type Error = String;

        fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>, String> {
            self.left = self.left.checked_sub(points.len()).ok_or("the device is gone")?;
            let value =
                |&(alpha, beta): &(f64, f64)| NodeValue { mean: bumpy(alpha, beta), stderr: 0.0 };
            Ok(points.iter().map(value).collect())
        }

        fn give_up(&mut self, error: String) -> Option<String> {
            self.told = Some(error);
            None
        }
    }

    #[test]
    fn the_nodes_of_a_worker_that_gives_up_remain_and_others_measure_them() {
        let nodes: Vec<usize> = (0..grid().len()).collect();
        let mut layers = [Surface::new(grid())];
        let workers = &mut [Dies { left: 2, told: None }];
        let first = evaluate_layers(&mut layers, &nodes, workers, |_, _| {}, || false);
        assert_eq!(first, Ok(Outcome { measured: 2, remaining: 61 }));
        assert_eq!(workers[0].told.as_deref(), Some("the device is gone"));
        let workers = &mut [Dies { left: 5, told: None }, Dies { left: 1000, told: None }];
        let mut remaining = 61;
        while remaining > 0 {
            let done = evaluate_layers(&mut layers, &nodes, workers, |_, _| {}, || false);
            remaining = done.unwrap().remaining;
        }
        assert_eq!(bits(&layers[0]), bits(&whole(1)));
    }

    #[test]
    fn without_workers_nothing_can_be_measured() {
        let mut surface = Surface::new(grid());
        let mut nobody: [fn(f64, f64) -> f64; 0] = [];
        let result = evaluate(&mut surface, &[], &mut nobody, |_, _| {}, || false);
        assert_eq!(result, Err(EvaluateError::NoWorkers));
    }

    proptest! {
        #[test]
        fn stopping_anywhere_and_resuming_gives_the_same_surface_and_measures_nothing_twice(
            stop_after in 0..=63_usize, workers in 1..4_usize,
        ) {
            let asked = AtomicUsize::new(0);
            let stop = || asked.fetch_add(1, Ordering::Relaxed) >= stop_after;
            let mut surface = Surface::new(grid());
            let order = grid().coarse_to_fine();
            let mut losses = vec![bumpy; workers];
            let first = evaluate(&mut surface, &order, &mut losses, |_, _| {}, stop).unwrap();
            prop_assert!(first.measured <= stop_after);
            prop_assert_eq!(surface.counts().measured, first.measured);
            let rest = Cell::new(0);
            let count = |_: &Surface, tile: &[usize]| rest.set(rest.get() + tile.len());
            let second = evaluate(&mut surface, &order, &mut losses, count, || false).unwrap();
            prop_assert_eq!(second, Outcome { measured: first.remaining, remaining: 0 });
            prop_assert_eq!(rest.get(), first.remaining);
            prop_assert_eq!(bits(&surface), bits(&whole(1)));
        }

        #[test]
        fn the_mean_does_not_depend_on_how_samples_are_batched(
            losses in prop::collection::vec(-5.0..5.0_f64, 1..40), size in 1..12_usize,
        ) {
            let batch = |losses: &[f64]| BatchLoss {
                mean: losses.iter().sum::<f64>() / losses.len() as f64,
                samples: losses.len(),
            };
            let batched: Vec<_> = losses.chunks(size).map(batch).collect();
            let mean = mean_over_samples(&batched).mean;
            prop_assert!((mean - batch(&losses).mean).abs() < 1e-12);
        }
    }

    fn batches(of: &[(f64, usize)]) -> Vec<BatchLoss> {
        of.iter().map(|&(mean, samples)| BatchLoss { mean, samples }).collect()
    }

    #[test]
    fn ten_samples_in_batches_of_four_are_the_mean_of_ten() {
        // Samples 0 … 9: batches 0–3, 4–7, 8–9.
        let value = mean_over_samples(&batches(&[(1.5, 4), (5.5, 4), (8.5, 2)]));
        assert_eq!(value.mean, 4.5);
        // σ² = (4·9 + 4·1 + 2·16)/2 = 36, over N = 10.
        assert!((value.stderr - 3.6_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn equal_batches_have_the_textbook_standard_error() {
        // Means 1, 2, 4, 5: variance 10/3, standard error √(10/3/4).
        let value = mean_over_samples(&batches(&[(1.0, 7), (2.0, 7), (4.0, 7), (5.0, 7)]));
        assert_eq!(value.mean, 3.0);
        assert!((value.stderr - (10.0_f64 / 12.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn an_unknown_standard_error_is_nan_and_not_zero() {
        let one = mean_over_samples(&batches(&[(1.5, 4), (9.0, 0)]));
        assert_eq!(one.mean, 1.5);
        assert!(one.stderr.is_nan());
        let none = mean_over_samples(&[]);
        assert!(none.mean.is_nan() && none.stderr.is_nan());
        let diverged = mean_over_samples(&batches(&[(1.5, 4), (f64::INFINITY, 4)]));
        assert_eq!(diverged.mean, f64::INFINITY);
    }
}
