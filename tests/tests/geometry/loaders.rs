//! Loaders as the data of a surface: nothing of one is read before training has ended, what is read does not depend on how
//! it shuffles, and it is read once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{BatchDataLoader, DataLoader, DataLoaderBuilder, FixBatchStrategy};
use burn::data::dataset::{Dataset, DatasetError, InMemDataset};
use burn::tensor::{Device, Tensor, TensorData};
use burnscape::{Error, Probe};

use super::models::walk;
use super::support::{Run, assert_close, assert_names, batch, bits};

const PATH: [[f32; 2]; 3] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0]];

/// Puts points together, and adds noise that no two passes share.
#[derive(Clone)]
struct Rows {
    noise: Option<Arc<AtomicUsize>>,
}

impl Batcher<[f32; 2], Tensor<2>> for Rows {
    fn batch(&self, items: Vec<[f32; 2]>, device: &Device) -> Tensor<2> {
        let count = items.len();
        let values: Vec<f32> = items.into_iter().flatten().collect();
        let noise = self.noise.as_ref().map_or(0, |calls| calls.fetch_add(1, Ordering::Relaxed));
        Tensor::from_data(TensorData::new(values, [count, 2]), device) + noise as f32
    }
}

const PLAIN: Rows = Rows { noise: None };

fn points(count: usize) -> Vec<[f32; 2]> {
    (0..count).map(|index| [index as f32, 0.0]).collect()
}

/// A loader of so many points; shuffled by a seed, with so many workers.
fn loader(count: usize, shuffle: Option<u64>, workers: usize) -> Arc<dyn DataLoader<Tensor<2>>> {
    let builder = DataLoaderBuilder::new(PLAIN).batch_size(16).num_workers(workers);
    let builder = match shuffle {
        Some(seed) => builder.shuffle(seed),
        None => builder,
    };
    builder.build(InMemDataset::new(points(count)))
}

fn finished(loader: &Arc<dyn DataLoader<Tensor<2>>>) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let landscape = probe.finish(&walker, loader).expect("never fails");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    run
}

/// The mean of the loss ½‖(0, 3) − (i, 0)‖² over some items.
fn mean_loss(items: impl Iterator<Item = usize> + Clone) -> f64 {
    let count = items.clone().count() as f64;
    items.map(|item| 0.5 * ((item * item) as f64 + 9.0)).sum::<f64>() / count
}

#[test]
fn all_items_of_a_small_loader_are_used_however_it_shuffles() {
    let plain = finished(&loader(100, None, 0));
    let slice = plain.slice("pca");
    assert_eq!((slice.samples, slice.batches, slice.unit.as_str()), (100, 7, ""));
    assert_close(slice.centre_loss, mean_loss(0..100), slice.centre_loss, "the mean of all");
    for (shuffle, workers) in [(Some(1), 0), (Some(2), 0), (None, 2), (Some(3), 2)] {
        let shuffled = finished(&loader(100, shuffle, workers)).slice("pca");
        assert_eq!(shuffled.samples, 100);
        let scale = slice.centre_loss;
        assert_close(shuffled.centre_loss, slice.centre_loss, scale, "the same samples");
    }
}

#[test]
fn of_a_large_loader_two_thousand_items_are_used_the_same_however_it_shuffles() {
    let plain = finished(&loader(50_000, None, 0));
    let slice = plain.slice("pca");
    assert_eq!(slice.samples, 2048);
    assert!(plain.notes().iter().any(|note| note.contains("2048 of 50000 items")));
    // One stretch of 64 from each 32nd of the loader: their mean is near the mean of all.
    let of_all = mean_loss(0..50_000);
    assert!((slice.centre_loss / of_all - 1.0).abs() < 0.05, "{} {of_all}", slice.centre_loss);
    for shuffle in [Some(1), Some(2)] {
        let shuffled = finished(&loader(50_000, shuffle, 0)).slice("pca");
        let scale = slice.centre_loss;
        assert_close(shuffled.centre_loss, slice.centre_loss, scale, "the same samples");
    }
    let again = finished(&loader(50_000, None, 0));
    assert_eq!(bits(&again.losses("pca")), bits(&plain.losses("pca")));
}

/// Notes every item that is read.
struct Watched {
    items: Vec<[f32; 2]>,
    read: Arc<Mutex<Vec<usize>>>,
}

impl Dataset<[f32; 2]> for Watched {
    fn get(&self, index: usize) -> Result<[f32; 2], DatasetError> {
        self.read.lock().expect("a list").push(index);
        Ok(self.items[index])
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}

#[test]
fn no_item_is_read_before_the_end_and_none_twice() {
    for count in [500, 5000] {
        let read = Arc::new(Mutex::new(Vec::new()));
        let dataset = Watched { items: points(count), read: read.clone() };
        let loader = DataLoaderBuilder::new(PLAIN).batch_size(50).shuffle(7).build(dataset);
        let run = Run::new();
        let probe = run.probe();
        probe.surface_on(&loader).expect("a loader with items");
        let walker = walk(&probe, &PATH);
        assert!(read.lock().expect("a list").is_empty());
        let landscape = probe.surface(&walker).expect("never fails");
        assert_eq!(landscape.problems(), [] as [String; 0]);
        let read = read.lock().expect("a list");
        let different: BTreeSet<usize> = read.iter().copied().collect();
        assert_eq!(read.len(), count.min(2048));
        assert_eq!(different.len(), read.len());
    }
}

/// The order in which a shuffling loader gives its items.
fn order(loader: &Arc<dyn DataLoader<Tensor<2>>>) -> Vec<f32> {
    let batches = loader.iter().map(|batch| batch.expect("a batch"));
    let values = |batch: Tensor<2>| batch.into_data().try_to_vec::<f32>().expect("f32");
    batches.flat_map(values).step_by(2).collect()
}

#[test]
fn keeping_a_loader_leaves_its_shuffling_as_it_was() {
    let (kept, other) = (loader(60, Some(5), 0), loader(60, Some(5), 0));
    let run = Run::new();
    let probe = run.probe();
    probe.surface_on(&kept).expect("a loader with items");
    for _ in 0..3 {
        assert_eq!(order(&kept), order(&other));
    }
}

#[test]
fn what_a_loader_draws_anew_at_each_pass_is_drawn_once() {
    let noise = Some(Arc::new(AtomicUsize::new(0)));
    let loader = DataLoaderBuilder::new(Rows { noise }).batch_size(10);
    let loader = loader.build(InMemDataset::new(points(50)));
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let landscape = probe.finish_strict(&walker, &loader).expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    assert!(run.checks().iter().all(|check| check.passed));
}

#[test]
fn a_loader_without_items_is_refused_before_training() {
    let probe = Run::new().probe();
    let error = probe.surface_on(&loader(0, None, 0)).map(|_| ()).expect_err("no items");
    assert!(matches!(error, Error::NoBatches), "{error}");
}

#[test]
fn without_a_loader_that_was_kept_the_surface_says_what_it_needs() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let landscape = probe.surface(&walker).expect("never fails");
    assert_names(&landscape.problems().join("\n"), &["no batches", "surface_on"]);
}

#[test]
fn an_error_of_the_data_is_told_as_it_says_it() {
    struct Broken;
    impl Dataset<[f32; 2]> for Broken {
        fn get(&self, _: usize) -> Result<[f32; 2], DatasetError> {
            Err(DatasetError::new(std::io::Error::other("the disk is on fire")))
        }

        fn len(&self) -> usize {
            10
        }
    }
    let loader = DataLoaderBuilder::new(PLAIN).batch_size(5).build(Broken);
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let landscape = probe.finish(&walker, &loader).expect("never fails");
    assert_names(&landscape.problems().join("\n"), &["cannot be read", "the disk is on fire"]);
}

#[test]
fn loaders_of_all_kinds_are_taken() {
    let expected = finished(&loader(40, None, 0)).slice("pca").centre_loss;
    let finish = |finish: &dyn Fn(&Probe, &burnscape::Watched<super::models::Walker>)| {
        let run = Run::new();
        let probe = run.probe();
        finish(&probe, &walk(&probe, &PATH));
        assert_eq!(run.slice("pca").centre_loss, expected);
    };
    let own = || {
        let (strategy, dataset) = (FixBatchStrategy::new(16), InMemDataset::new(points(40)));
        let (strategy, batcher) = (Box::new(strategy), Arc::new(PLAIN));
        BatchDataLoader::new(strategy, Arc::new(dataset), batcher, Device::flex(), None)
    };
    finish(&|probe, walker| drop(probe.finish_strict(walker, &own()).expect("a landscape")));
    finish(&|probe, walker| {
        drop(probe.finish_strict(walker, &Arc::new(own())).expect("a landscape"));
    });
    finish(&|probe, walker| {
        let loader = own();
        let loader: &dyn DataLoader<Tensor<2>> = &loader;
        drop(probe.finish_strict(walker, loader).expect("a landscape"));
    });
}

/// The loader of training gives batches that know gradients; the surface does without.
#[test]
fn the_loader_of_training_serves_as_well() {
    let device = Device::flex().autodiff();
    let loader = DataLoaderBuilder::new(PLAIN).batch_size(16).set_device(device).shuffle(3);
    let loader = loader.build(InMemDataset::new(points(40)));
    let run = finished(&loader);
    let expected = mean_loss(0..40);
    assert_close(run.slice("pca").centre_loss, expected, expected, "the mean");
}

#[test]
fn further_data_of_a_study_may_be_a_loader() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let mut study = probe.study(&walker, &[batch(&[[0.0; 2]])]).expect("a study");
    study.also_on("valid", &loader(30, Some(9), 0)).expect("a loader");
    let slice = study.slice(&burnscape::SliceSpec::pca()).expect("a slice");
    let valid = slice.slice.layers.iter().find(|layer| layer.name == "valid loss");
    let valid = valid.expect("a layer");
    assert_eq!((valid.samples, slice.slice.samples), (30, 1));
    assert_close(valid.centre, mean_loss(0..30), valid.centre, "the mean");
    study.finish().expect("a landscape");
}
