//! What has no curvature is refused, in words that say what to change.

use burn::module::Param;
use burn::tensor::DType;
use burnscape::{Error, SharpnessSpec, Stopper};

use super::models::{HIDDEN, INPUTS, Oddity, TanhNet, batches, tensor};
use super::support::{Run, studied};

fn refused(model: TanhNet, spec: &SharpnessSpec) -> Error {
    let batches = batches(&[8], DType::F32);
    studied(&Run::new(), model, &batches, |study| study.sharpness(spec, &batches).unwrap_err())
}

fn assert_says(error: &Error, part: &str) {
    assert!(error.to_string().contains(part), "{part:?} is not in {error}");
}

#[test]
fn blocks_that_are_not_there_or_do_not_train() {
    let unknown = refused(TanhNet::new(DType::F32), &SharpnessSpec::top(1).blocks(["sec"]));
    assert_says(&unknown, "`sec`");
    assert_says(&unknown, "such as `first`");
    let mut frozen = TanhNet::new(DType::F32);
    frozen.first = frozen.first.set_require_grad(false);
    let error = refused(frozen, &SharpnessSpec::top(1).blocks(["first"]));
    assert_says(&error, "frozen");
    let detached = TanhNet::odd(Oddity::Detached);
    let error = refused(detached, &SharpnessSpec::top(1).blocks(["first"]));
    assert_says(&error, "no gradient reaches");
}

#[test]
fn a_model_that_is_random_where_it_trains_is_caught() {
    let error = refused(TanhNet::odd(Oddity::NoisyInTraining), &SharpnessSpec::top(1));
    assert!(matches!(error, Error::RandomModel { .. }), "{error}");
}

#[test]
fn a_loss_that_is_not_a_number_has_no_curvature() {
    let finite = batches(&[8], DType::F32);
    let mut broken = finite.clone();
    broken.push(tensor(&[f64::NAN, 0.0, 0.0], [1, 3], DType::F32));
    let error = studied(&Run::new(), TanhNet::new(DType::F32), &finite, |study| {
        study.sharpness(&SharpnessSpec::new(), &broken).unwrap_err()
    });
    assert_says(&error, "the loss at these weights is NaN");
    let none = studied(&Run::new(), TanhNet::new(DType::F32), &finite, |study| {
        study.sharpness(&SharpnessSpec::new(), &[]).unwrap_err()
    });
    assert!(matches!(none, Error::NoBatches));
}

#[test]
fn settings_that_make_no_sense() {
    for spec in [
        SharpnessSpec::top(0),
        SharpnessSpec::top(1).tolerance(0.0),
        SharpnessSpec::top(1).radius(f64::NAN),
        SharpnessSpec::top(1).lr(f64::INFINITY),
        SharpnessSpec::top(1).optimizer(burnscape::OptimizerKind::EmaMomentum { beta: 1.0 }),
    ] {
        let error = refused(TanhNet::new(DType::F32), &spec);
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
}

#[test]
fn where_the_gradient_is_zero_sam_is_not_defined_and_the_rest_is() {
    // All weights 0: the output is 0 whatever one of them alone does.
    let zeros = |shape: [usize; 2]| {
        Param::from_tensor(tensor(&vec![0.0; shape[0] * shape[1]], shape, DType::F64))
    };
    let mut model = TanhNet::new(DType::F64);
    model.first = zeros([INPUTS, HIDDEN]);
    model.second = zeros([HIDDEN, 1]);
    let batches = batches(&[8], DType::F64);
    let found = studied(&Run::new(), model, &batches, |study| {
        study.sharpness(&SharpnessSpec::new(), &batches).expect("a sharpness")
    });
    assert_eq!(found.record.grad_norm, 0.0);
    let sam = found.record.measures.iter().find(|it| it.name == "sam").unwrap();
    assert!(sam.value.is_nan() && sam.meaning.contains("the gradient is 0"), "{sam:?}");
    // A saddle: the Hessian couples the layers alone, so its eigenvalues come in pairs ±λ.
    let (largest, smallest) = (found.lambda_max(), found.lambda_min());
    assert!(largest > 0.0 && (largest + smallest).abs() < 1e-6 * largest, "{largest} {smallest}");
    assert!(found.measure("ball").unwrap() > 0.0);
    assert!(found.summary().iter().any(|it| it.contains("no minimum")), "{:?}", found.summary());
}

#[test]
fn a_stop_before_anything_is_found_is_told() {
    let batches = batches(&[8], DType::F32);
    let error = studied(&Run::new(), TanhNet::new(DType::F32), &batches, |study| {
        let stopper: Stopper = study.stopper();
        stopper.stop();
        study.sharpness(&SharpnessSpec::new(), &batches).unwrap_err()
    });
    assert_says(&error, "products with the Hessian until then: 0");
}
