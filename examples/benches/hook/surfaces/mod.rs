//! What surfaces cost: their arithmetic as a share of the machine's own matrix-product peak, when the first
//! picture is there, and what adaptive evaluation saves at which error.
//!
//! `cargo bench --bench hook -- surfaces`. The peak is measured in the same run, before
//! and after each surface: single precision, all cores, through the same backend. `-- surfaces mlp` leaves the
//! convolutional network out, which takes the most time.

mod mlp;
mod resnet;
mod timed;

use std::path::Path;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use serde_json::{Value, json};

const PEAK_SIZE: usize = 2048;

/// The networks named, or all.
pub fn measure(asked: &[String]) {
    let device = Device::flex();
    device.seed(1);
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|it| it == name);
    let mut rows = Vec::new();
    for hidden in [20, 512].into_iter().filter(|_| is_asked("mlp")) {
        rows.push(beside_the_peak(&device, || mlp::row(hidden, &device)));
    }
    if is_asked("resnet") {
        rows.push(beside_the_peak(&device, || resnet::row(&device)));
    }
    print_table(&rows);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("surfaces.json");
    std::fs::write(&file, format!("{:#}\n", json!({ "surfaces": rows })))
        .expect("a writable target folder");
    println!("\nwritten to {}", file.display());
}

/// A row with the better of the peaks before and after it.
fn beside_the_peak(device: &Device, row: impl FnOnce() -> Value) -> Value {
    let before = matrix_product_flops(device);
    let mut row = row();
    let peak = before.max(matrix_product_flops(device));
    row["peak_gflops"] = json!(peak / 1e9);
    row["share_of_peak"] = json!(row["gflops"].as_f64().unwrap_or(f64::NAN) * 1e9 / peak);
    row
}

/// Best of several products of two large square matrices, in floating-point operations a second.
fn matrix_product_flops(device: &Device) -> f64 {
    let matrix = || Tensor::<2>::random([PEAK_SIZE, PEAK_SIZE], Distribution::Default, device);
    let (a, b) = (matrix(), matrix());
    let work = 2.0 * (PEAK_SIZE as f64).powi(3);
    let time = || {
        let start = Instant::now();
        std::hint::black_box(a.clone().matmul(b.clone()));
        work / start.elapsed().as_secs_f64()
    };
    (0..8).map(|_| time()).fold(0.0, f64::max)
}

fn print_table(rows: &[Value]) {
    println!(
        "\n{:<12} {:>6} {:>8} {:>9} {:>8} {:>10} {:>11} {:>14}",
        "network", "nodes", "exact", "GFLOP/s", "peak", "of peak", "first 3×3", "of total (5×5)"
    );
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:<12} {:>6} {:>6.2} s {:>9.1} {:>8.1} {:>10.2} {:>9.3} s {:>5.1}% ({:.1}%)",
            row["network"].as_str().unwrap_or_default(),
            row["nodes"],
            number("secs"),
            number("gflops"),
            number("peak_gflops"),
            number("share_of_peak"),
            number("first_picture_secs"),
            100.0 * number("first_picture_share"),
            100.0 * number("shaped_picture_share"),
        );
    }
    println!(
        "\n{:<12} {:>10} {:>10} {:>14} {:>14} {:>12}",
        "adaptive 1 %", "measured", "time", "time of exact", "largest error", "nodes > 1 %"
    );
    for row in rows {
        let adaptive = &row["adaptive"];
        let number = |key: &str| adaptive[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:<12} {:>10} {:>8.2} s {:>13.1}% {:>13.2}% {:>12}",
            row["network"].as_str().unwrap_or_default(),
            adaptive["measured"],
            number("secs"),
            100.0 * number("time_share"),
            100.0 * number("largest_error"),
            adaptive["nodes_off"],
        );
    }
}
