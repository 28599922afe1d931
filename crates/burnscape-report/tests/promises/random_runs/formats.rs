//! What each format tells, read by other means than those that wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use burnscape_report::Format;
use serde_json::Value;

use super::super::support::Npz;
use super::expected::{Expected, Node, Surface, told_apart};

/// Holds an export against what the records say.
pub fn check(format: Format, out: &Path, expected: &Expected, place: &str) {
    match format {
        Format::Json => {
            let text = with_numbers_as_texts(&fs::read_to_string(out).unwrap());
            json(&serde_json::from_str(&text).unwrap(), expected, place);
        }
        Format::Csv => csv(out, expected, place),
        Format::Npz => npz(&Npz::open(File::open(out).unwrap()), expected, place),
        Format::Vtk => vtk(out, expected, place),
        _ => tensorboard(out, expected, place),
    }
}

/// As text, in which NaN equals NaN and -0 is not 0.
fn word(value: f64) -> String {
    format!("{value:?}")
}

fn words(values: impl IntoIterator<Item = f64>) -> Vec<String> {
    values.into_iter().map(word).collect()
}

fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn coordinates(axis: &burnscape_trace::Axis) -> Vec<String> {
    words((0..axis.count as i64).map(|i| (axis.first + i) as f64 * axis.spacing))
}

/// JSON whose numbers are texts: `serde_json` reads numbers of many digits to all but the last bit.
fn with_numbers_as_texts(json: &str) -> String {
    let (mut quoted, mut is_text, mut is_number, mut is_escaped) =
        (String::new(), false, false, false);
    for character in json.chars() {
        let goes_on = !is_text && matches!(character, '-' | '+' | '.' | 'e' | 'E' | '0'..='9');
        let begins = goes_on && matches!(character, '-' | '0'..='9');
        if begins && !is_number || is_number && !goes_on {
            is_number = !is_number;
            quoted.push('"');
        }
        is_text ^= character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        quoted.push(character);
    }
    quoted
}

fn json(told: &Value, expected: &Expected, place: &str) {
    let float = |value: &Value| match value {
        Value::Null => None,
        Value::String(word) => Some(word.parse::<f64>().unwrap()),
        other => panic!("{other}"),
    };
    let list = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|it| float(it).map_or(String::new(), word)).collect()
    };
    let maybe = |value: Option<f64>| value.map_or(String::new(), word);
    let (rows, steps) = (&told["steps"], &expected.steps);
    assert_eq!(list(&rows["step"]), words(steps.iter().map(|it| it.step as f64)), "{place}");
    assert_eq!(list(&rows["lr"]), words(steps.iter().map(|it| it.lr)), "{place}");
    assert_eq!(
        list(&rows["elapsed_secs"]),
        words(steps.iter().map(|it| it.elapsed_secs)),
        "{place}"
    );
    assert_eq!(
        list(&rows["loss"]),
        steps.iter().map(|it| maybe(it.loss)).collect::<Vec<_>>(),
        "{place}"
    );
    for name in expected.columns() {
        let of_steps = rows["columns"][name].as_array().unwrap();
        assert_eq!(of_steps.len(), steps.len());
        for (of_step, step) in of_steps.iter().zip(steps) {
            let column = step.columns.get(name).filter(|it| !it.is_empty());
            let recorded = column.map(|it| words(it.iter().map(|value| f64::from(*value))));
            assert_eq!((!of_step.is_null()).then(|| list(of_step)), recorded, "{place}: {name}");
        }
    }
    let texts = |it: &u32| it.to_string();
    let missing = steps.iter().map(|it| it.missing.iter().map(texts).collect::<Value>());
    let missing: Vec<Value> = missing.collect();
    assert_eq!(rows["missing"].as_array().unwrap(), &missing, "{place}");
    let epochs = told["epochs"].as_array().unwrap().iter();
    let epochs: Vec<String> =
        epochs.map(|it| float(&it["valid_loss"]).map_or(String::new(), word)).collect();
    assert_eq!(
        epochs,
        expected.epochs.iter().map(|it| maybe(it.valid_loss)).collect::<Vec<_>>(),
        "{place}"
    );
    let metrics = told["metrics"].as_array().unwrap().iter();
    let mut metrics: Vec<_> = metrics
        .map(|it| {
            (it["name"].as_str().unwrap().to_owned(), list(&serde_json::json!([it["value"]])))
        })
        .collect();
    let mut recorded: Vec<_> =
        expected.metrics.iter().map(|it| (it.name.clone(), words([it.value]))).collect();
    metrics.sort();
    recorded.sort();
    assert_eq!(metrics, recorded, "{place}");
    let taps = told["activations"].as_array().unwrap().iter();
    let taps: Vec<_> = taps
        .map(|it| {
            (
                it["tap"].as_str().unwrap().to_owned(),
                list(&serde_json::json!([it["mean"], it["std"]])),
            )
        })
        .collect();
    let recorded = expected.activations.iter().map(|it| (it.tap.clone(), words([it.mean, it.std])));
    assert_eq!(taps, recorded.collect::<Vec<_>>(), "{place}");
    let slices = told["slices"].as_array().unwrap();
    assert_eq!(slices.len(), expected.slices.len(), "{place}");
    for (slice, surface) in slices.iter().zip(&expected.slices) {
        assert_eq!(slice["info"]["name"], *surface.slice.name);
        let value = |node: &Node| node.value().map_or(String::new(), word);
        assert_eq!(
            list(&slice["loss"]),
            surface.loss.iter().map(value).collect::<Vec<_>>(),
            "{place}"
        );
        assert_eq!(list(&slice["stderr"]), stderrs(&surface.loss), "{place}");
        assert_eq!(list(&slice["x_values"]), coordinates(&surface.slice.x), "{place}");
        let keys = slice["info"]["layers"].as_array().unwrap().iter().map(|it| &it["key"]);
        assert_eq!(keys.collect::<Vec<_>>(), surface.layer_names.iter().collect::<Vec<_>>());
        for (layer, nodes) in slice["layers"].as_array().unwrap().iter().zip(&surface.layers) {
            assert_eq!(list(&layer["value"]), values(nodes), "{place}");
            assert_eq!(list(&layer["stderr"]), stderrs(nodes), "{place}");
        }
        if let Some(path) = &surface.trajectory {
            assert_eq!(list(&slice["trajectory"]["x"]), words(path.x.iter().copied()), "{place}");
        }
    }
}

/// NaN where nothing is known.
fn values(nodes: &[Node]) -> Vec<String> {
    words(nodes.iter().map(|node| or_nan(node.value())))
}

fn stderrs(nodes: &[Node]) -> Vec<String> {
    words(nodes.iter().map(|node| node.stderr()))
}

/// Rows of a table by the names of their columns; none where there is no table.
fn table(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let Ok(mut reader) = csv::Reader::from_path(folder.join(name)) else { return Vec::new() };
    let header = reader.headers().unwrap().clone();
    let row = |row: csv::Result<csv::StringRecord>| {
        let row = row.unwrap();
        header.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
    };
    reader.records().map(row).collect()
}

fn csv(folder: &Path, expected: &Expected, place: &str) {
    let cell = |cell: &str| (!cell.is_empty()).then(|| word(cell.parse().unwrap()));
    let steps = table(folder, "steps.csv");
    assert_eq!(steps.len(), expected.steps.len(), "{place}");
    for (row, step) in steps.iter().zip(&expected.steps) {
        assert_eq!(row["step"], step.step.to_string());
        assert_eq!(cell(&row["loss"]), step.loss.map(word), "{place}");
        assert_eq!(cell(&row["lr"]), Some(word(step.lr)), "{place}");
        for (name, values) in &step.columns {
            for (block, &value) in expected.blocks.iter().zip(values.iter()) {
                let told: Option<f32> = row[&format!("{name}/{block}")].parse().ok();
                assert_eq!(told.map(|it| word(it.into())), Some(word(value.into())), "{place}");
            }
        }
        let measured = step.columns.values().map(|it| it.len()).sum::<usize>();
        let told = row.iter().filter(|(name, cell)| name.contains('/') && !cell.is_empty()).count();
        assert_eq!(told, measured, "{place}");
    }
    let metrics = table(folder, "metrics.csv");
    let mut told: Vec<_> =
        metrics.iter().map(|it| (it["name"].clone(), cell(&it["value"]))).collect();
    let mut recorded: Vec<_> =
        expected.metrics.iter().map(|it| (it.name.clone(), Some(word(it.value)))).collect();
    told.sort();
    recorded.sort();
    assert_eq!(told, recorded, "{place}");
    let losses =
        table(folder, "epochs.csv").iter().map(|it| cell(&it["valid_loss"])).collect::<Vec<_>>();
    assert_eq!(
        losses,
        expected.epochs.iter().map(|it| it.valid_loss.map(word)).collect::<Vec<_>>(),
        "{place}"
    );
    let taps = table(folder, "activations.csv")
        .iter()
        .map(|it| (it["tap"].clone(), cell(&it["mean"])))
        .collect::<Vec<_>>();
    assert_eq!(
        taps,
        expected
            .activations
            .iter()
            .map(|it| (it.tap.clone(), Some(word(it.mean))))
            .collect::<Vec<_>>(),
        "{place}"
    );
    let nodes = expected.slices.iter().flat_map(|it| rows_of_nodes(it, &it.loss, None));
    let told = table(folder, "nodes.csv")
        .iter()
        .map(|row| row_of_node(row, "loss", None))
        .collect::<Vec<_>>();
    assert_eq!(told, nodes.collect::<Vec<_>>(), "{place}");
    let layers = expected.slices.iter().flat_map(|it| {
        let named = it.layer_names.iter().zip(&it.layers);
        named.flat_map(|(name, nodes)| rows_of_nodes(it, nodes, Some(name)))
    });
    let told = table(folder, "layers.csv");
    let told =
        told.iter().map(|row| row_of_node(row, "value", Some(&row["layer"]))).collect::<Vec<_>>();
    assert_eq!(told, layers.collect::<Vec<_>>(), "{place}");
}

/// Layer, slice, ix, iy, value and standard error.
type NodeRow = (String, [String; 5]);

fn row_of_node(row: &BTreeMap<String, String>, value: &str, layer: Option<&str>) -> NodeRow {
    let number = |cell: &String| cell.parse().map_or(String::new(), word);
    let cells = [
        row["slice"].clone(),
        row["ix"].clone(),
        row["iy"].clone(),
        number(&row[value]),
        number(&row["stderr"]),
    ];
    (layer.unwrap_or_default().to_owned(), cells)
}

fn rows_of_nodes(surface: &Surface, nodes: &[Node], layer: Option<&str>) -> Vec<NodeRow> {
    let (nx, is_line) = (surface.slice.x.count as usize, surface.slice.y.is_none());
    let known = |value: f64| if value.is_nan() { String::new() } else { word(value) };
    let row = |(at, node): (usize, &Node)| {
        let iy = if is_line { String::new() } else { (at / nx).to_string() };
        let value = node.value().map_or(String::new(), word);
        let cells = [
            surface.slice.slice.to_string(),
            (at % nx).to_string(),
            iy,
            value,
            known(node.stderr()),
        ];
        (layer.unwrap_or_default().to_owned(), cells)
    };
    nodes.iter().enumerate().map(row).collect()
}

fn npz(told: &Npz, expected: &Expected, place: &str) {
    let steps = &expected.steps;
    if !steps.is_empty() {
        assert_eq!(
            words(told.f64s("loss")),
            words(steps.iter().map(|it| or_nan(it.loss))),
            "{place}"
        );
        assert_eq!(
            words(told.f64s("elapsed_secs")),
            words(steps.iter().map(|it| it.elapsed_secs)),
            "{place}"
        );
    }
    let blocks = expected.blocks.len();
    for name in expected.columns() {
        let nothing = vec![f32::NAN; blocks];
        let rows = steps.iter().flat_map(|it| it.columns.get(name).map_or(&nothing, |it| &it.0));
        let recorded = words(rows.map(|value| f64::from(*value)));
        assert_eq!(words(told.f32s(name).into_iter().map(f64::from)), recorded, "{place}: {name}");
    }
    for surface in &expected.slices {
        let key = |name: &str| format!("slice{}_{name}", surface.slice.slice);
        let shape: Vec<usize> =
            surface.slice.y.iter().chain([&surface.slice.x]).map(|it| it.count as usize).collect();
        assert_eq!(told.shape(&key("loss")), shape, "{place}");
        assert_eq!(words(told.f64s(&key("loss"))), values(&surface.loss), "{place}");
        assert_eq!(words(told.f64s(&key("stderr"))), stderrs(&surface.loss), "{place}");
        let states: Vec<u8> = surface.loss.iter().map(|node| node.state()).collect();
        assert_eq!(told.u8s(&key("state")), states, "{place}");
        let info = told.json(&key("info"));
        let keys = info["layers"].as_array().unwrap().iter().map(|it| it["key"].to_string());
        assert_eq!(keys.collect::<BTreeSet<_>>().len(), surface.layers.len(), "{place}");
        for (layer, nodes) in info["layers"].as_array().unwrap().iter().zip(&surface.layers) {
            let layer = layer["key"].as_str().unwrap();
            assert_eq!(words(told.f64s(layer)), values(nodes), "{place}: {layer}");
        }
    }
}

/// Arrays of doubles in a file of VTK's legacy format, by their names.
fn arrays(bytes: &[u8], points: usize) -> BTreeMap<String, Vec<f64>> {
    let find = |from: usize, word: &[u8]| {
        bytes[from..].windows(word.len()).position(|it| it == word).map(|at| from + at + word.len())
    };
    let (mut arrays, mut at) = (BTreeMap::new(), 0);
    while let Some(name_at) = find(at, b"\nSCALARS ") {
        let line = bytes[name_at..].split(|it| *it == b'\n').next().unwrap();
        let mut words = str::from_utf8(line).unwrap().split(' ');
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        at = find(name_at, b"LOOKUP_TABLE default\n").unwrap();
        if kind == "double" {
            let (values, _) = bytes[at..at + 8 * points].as_chunks::<8>();
            arrays.insert(decoded(name), values.iter().map(|it| f64::from_be_bytes(*it)).collect());
            at += 8 * points;
        } else {
            at += points;
        }
        at -= 1;
    }
    arrays
}

/// As `vtkDataReader::DecodeString` does.
fn decoded(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let Some((&first, later)) = rest.split_first() {
        rest = later;
        match first {
            b'%' => {
                bytes.push(u8::from_str_radix(str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn vtk(folder: &Path, expected: &Expected, place: &str) {
    for surface in &expected.slices {
        let file = folder.join(format!("slice{}.vtk", surface.slice.slice));
        let told = arrays(&fs::read(file).unwrap(), surface.loss.len());
        assert_eq!(words(told["loss"].iter().copied()), values(&surface.loss), "{place}");
        assert_eq!(words(told["stderr"].iter().copied()), stderrs(&surface.loss), "{place}");
        assert_eq!(told.len(), 2 + 2 * surface.layers.len(), "{place}: {:?}", told.keys());
        for (name, nodes) in surface.layer_names.iter().zip(&surface.layers) {
            assert_eq!(words(told[name].iter().copied()), values(nodes), "{place}");
            let errors = &told[&format!("{name} stderr")];
            assert_eq!(words(errors.iter().copied()), stderrs(nodes), "{place}");
        }
    }
}

/// Fields of a protocol buffer: number, and what it holds (a varint as its bytes in little endian).
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7F) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let content = match key & 7 {
            0 => varint(&mut bytes).to_le_bytes().to_vec(),
            1 => bytes.split_off(..8).unwrap().to_vec(),
            5 => bytes.split_off(..4).unwrap().to_vec(),
            _ => {
                let length = varint(&mut bytes) as usize;
                bytes.split_off(..length).unwrap().to_vec()
            }
        };
        fields.push((key >> 3, content));
    }
    fields
}

/// Wall time, step and value of the scalars in an event file, by their tags.
fn scalars(mut file: &[u8]) -> BTreeMap<String, Vec<[String; 3]>> {
    let mut scalars: BTreeMap<String, Vec<[String; 3]>> = BTreeMap::new();
    while let Some(length) = file.first_chunk::<8>() {
        let length = u64::from_le_bytes(*length) as usize;
        let event: BTreeMap<u64, Vec<u8>> = fields(&file[12..12 + length]).into_iter().collect();
        file = &file[length + 16..];
        let Some(summary) = event.get(&5) else { continue };
        let value: BTreeMap<u64, Vec<u8>> = fields(&fields(summary)[0].1).into_iter().collect();
        let Some(scalar) = value.get(&2) else { continue };
        let wall = f64::from_le_bytes(event[&1][..].try_into().unwrap());
        let step = event.get(&2).map_or(0, |it| u64::from_le_bytes(it[..].try_into().unwrap()));
        let scalar = f32::from_le_bytes(scalar[..].try_into().unwrap());
        let tag = String::from_utf8(value[&1].clone()).unwrap();
        scalars.entry(tag).or_default().push([word(wall), step.to_string(), word(scalar.into())]);
    }
    scalars
}

fn tensorboard(folder: &Path, expected: &Expected, place: &str) {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = entries.filter(|it| it.to_string_lossy().contains("tfevents")).last().unwrap();
    let told = scalars(&fs::read(file).unwrap());
    let of = |tag: &str| told.get(tag).cloned().unwrap_or_default();
    let event = |wall: f64, step: u64, value: f64| {
        [word(wall), step.to_string(), word((value as f32).into())]
    };
    let wall = |step: &burnscape_trace::Step| expected.wall_secs(step.step, step.elapsed_secs);
    let steps = &expected.steps;
    let lr = steps.iter().map(|it| event(wall(it), it.step, it.lr)).collect::<Vec<_>>();
    assert_eq!(of("lr"), lr, "{place}");
    let losses = steps.iter().filter_map(|it| Some(event(wall(it), it.step, it.loss?)));
    assert_eq!(of("loss/step"), losses.collect::<Vec<_>>(), "{place}");
    let series = (expected.columns().len() + 1) * (expected.blocks.len() + 1);
    let blocks = told_apart(&expected.blocks, &["all"]);
    for name in expected.columns() {
        for (block, path) in blocks.iter().enumerate() {
            let is_there = |it: &&burnscape_trace::Step| {
                !(name.starts_with("grad_") && it.missing.contains(&(block as u32)))
            };
            let recorded = steps.iter().filter(is_there).filter_map(|it| {
                Some(event(wall(it), it.step, f64::from(*it.columns.get(name)?.get(block)?)))
            });
            let (recorded, told) = (recorded.collect::<Vec<_>>(), of(&format!("{name}/{path}")));
            // Of long curves of many blocks some points are kept, all as they were recorded.
            let place = format!("{place}: {name}/{path}");
            if steps.len() <= 4_000_000 / series / 5 {
                assert_eq!(told, recorded, "{place}");
            } else {
                assert!(told.iter().all(|it| recorded.contains(it)), "{place}");
            }
        }
    }
    let epochs = expected.epochs.iter().filter_map(|it| {
        Some(event(expected.wall_secs(it.steps - 1, it.elapsed_secs), it.steps, it.valid_loss?))
    });
    assert_eq!(of("loss/valid_epoch"), epochs.collect::<Vec<_>>(), "{place}");
    for activation in &expected.activations {
        let step = steps.iter().find(|it| it.step == activation.step).unwrap();
        let told = of(&format!("activation/{}/mean", activation.tap));
        assert!(told.contains(&event(wall(step), step.step, activation.mean)), "{place}: {told:?}");
    }
}
