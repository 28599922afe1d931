//! The workspace keeps its own rules: which crate may know which, one crossterm, headers, paths.

mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use uses::{Sources, long_circles};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the workspace").to_path_buf()
}

fn read_toml(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).expect("a readable manifest");
    text.parse().expect("valid TOML")
}

/// Dependencies of a crate, those for tests left out.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = read_toml(&root().join("crates").join(name).join("Cargo.toml"));
    let table = manifest["dependencies"].as_table().expect("a table");
    table.keys().cloned().collect()
}

fn crates() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("crates")).expect("crates");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().join("Cargo.toml").exists());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn crates_know_only_those_that_the_architecture_allows() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("burnscape-trace", &[][..]),
        ("burnscape-landscape", &[]),
        ("burnscape-run", &["burnscape-landscape", "burnscape-trace"]),
        ("burnscape-tui", &["burnscape-landscape", "burnscape-run", "burnscape-trace"]),
        ("burnscape-report", &["burnscape-landscape", "burnscape-run", "burnscape-trace"]),
        (
            "burnscape-cli",
            &["burnscape-report", "burnscape-run", "burnscape-trace", "burnscape-tui"],
        ),
        (
            "burnscape",
            &[
                "burnscape-landscape",
                "burnscape-report",
                "burnscape-run",
                "burnscape-trace",
                "burnscape-tui",
            ],
        ),
    ]);
    for name in crates() {
        let allowed = allowed.get(name.as_str()).expect("a crate of the architecture");
        let ours = dependencies(&name);
        let ours = ours.iter().filter(|it| it.starts_with("burnscape"));
        for dependency in ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} → {dependency}");
        }
    }
}

fn sources(name: &str) -> Sources {
    Sources::of(&root().join("crates").join(name).join("src"))
}

/// The floors of the hook, from the ground up, each with those that it may know; `crates/README.md` draws them.
const FLOORS: [(&str, &[&str]); 15] = [
    ("error", &[]),
    ("panics", &["error"]),
    ("config", &["error"]),
    ("model", &["error", "config"]),
    ("measure", &["config", "model"]),
    ("curvature", &["error", "panics", "config", "model", "measure"]),
    ("alerts", &["config"]),
    ("channel", &["error", "model", "measure"]),
    ("observe", &["error", "config", "model", "measure", "curvature", "alerts", "channel"]),
    ("recorder", &["error", "panics", "config", "model", "measure", "alerts", "channel"]),
    ("landscape", &["error", "channel"]),
    (
        "study",
        &[
            "error",
            "panics",
            "config",
            "model",
            "curvature",
            "channel",
            "observe",
            "recorder",
            "landscape",
        ],
    ),
    ("run", &["error", "config", "model", "observe", "recorder", "study"]),
    ("comparison", &["error", "config", "model", "recorder", "landscape", "study", "run"]),
    (
        "probe",
        &[
            "error",
            "config",
            "model",
            "curvature",
            "channel",
            "observe",
            "recorder",
            "landscape",
            "study",
        ],
    ),
];

#[test]
fn the_hook_is_built_floor_by_floor() {
    let floor = |file: &str| file.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
    let sources = sources("burnscape");
    for (file, needs) in sources.needs().into_iter().filter(|(file, _)| *file != "lib.rs") {
        let own = floor(file);
        let known = FLOORS.iter().find(|(name, _)| *name == own);
        let (_, allowed) = known.unwrap_or_else(|| panic!("{file} stands on no floor"));
        for other in needs {
            let to = floor(other);
            assert!(to == own || allowed.contains(&to.as_str()), "{file} → {other}");
        }
    }
}

/// `x/mod.rs`, never `x.rs` beside `x/`: what belongs together lies together.
#[test]
fn a_module_of_several_files_begins_in_its_own_folder() {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder of the sources");
        let entries = entries.map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let mut open: Vec<PathBuf> =
        crates().iter().map(|name| root().join("crates").join(name).join("src")).collect();
    while let Some(folder) = open.pop() {
        let beside = folder.with_extension("rs");
        assert!(!beside.exists(), "{} belongs into its folder, as mod.rs", beside.display());
        open.extend(folders(&folder));
    }
}

/// Two files that need each other can be read side by side; more of them have no beginning.
#[test]
fn no_more_than_two_files_need_each_other() {
    for name in crates() {
        let sources = sources(&name);
        let circles = long_circles(&sources.needs());
        assert!(circles.is_empty(), "{name}: {circles:?}");
    }
}

/// Files outside the model of a run that tell kinds of records apart, with what for. The format itself, and the hook,
/// which writes, are crates of their own.
const READERS_OF_RECORDS: [(&str, &str); 4] = [
    ("burnscape-cli/src/verify.rs", "looks at the files of snapshots"),
    ("burnscape-tui/src/feed.rs", "says which records may be lost on their way to the screen"),
    ("burnscape-tui/src/json_lines.rs", "prints each record as it comes"),
    ("burnscape-tui/src/report_lines.rs", "prints each record as it comes"),
];

/// What records mean together is the matter of one crate.
#[test]
fn the_model_of_a_run_is_its_only_reader() {
    let mut found = Vec::new();
    for name in ["burnscape-cli", "burnscape-report", "burnscape-tui"] {
        let folder = root().join("crates").join(name).join("src");
        files_below(&folder, "rs", &mut found);
    }
    let crates = root().join("crates");
    let reads = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        !file.ends_with("tests.rs") && lines.any(|line| line.contains("Record::"))
    };
    let readers: BTreeSet<String> = found
        .iter()
        .filter(|file| reads(file))
        .map(|file| file.strip_prefix(&crates).expect("a crate").to_string_lossy().into_owned())
        .collect();
    let allowed = READERS_OF_RECORDS.map(|(file, _)| file.to_owned()).into();
    assert_eq!(readers, allowed);
}

#[test]
fn each_outside_world_is_known_to_one_crate_only() {
    let worlds = [
        ("burn", "burnscape"),
        ("ciborium", "burnscape-trace"),
        ("ratatui", "burnscape-tui"),
        ("clap", "burnscape-cli"),
        ("nalgebra", "burnscape-landscape"),
    ];
    for (world, keeper) in worlds {
        let knowing: Vec<String> =
            crates().into_iter().filter(|name| dependencies(name).contains(world)).collect();
        assert_eq!(knowing, [keeper], "who depends on {world}");
    }
}

/// Packages that a package needs, by way of the lock file; features are not told apart there.
fn needed_by(name: &str) -> BTreeSet<String> {
    let lock = read_toml(&root().join("Cargo.lock"));
    let packages = lock["package"].as_array().expect("packages");
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_string()];
    while let Some(name) = open.pop() {
        let package = packages.iter().filter(|it| it["name"].as_str() == Some(&name));
        let needs = package.filter_map(|it| it.get("dependencies")?.as_array());
        let needs = needs.flatten().filter_map(|it| it.as_str());
        // "name" or "name version".
        let needs = needs.filter_map(|it| it.split_whitespace().next());
        open.extend(needs.map(str::to_string).filter(|it| found.insert(it.clone())));
    }
    found
}

#[test]
fn the_command_line_builds_without_burn() {
    let needed = needed_by("burnscape-cli");
    let burns = needed.iter().filter(|it| *it == "burn" || it.starts_with("burn-"));
    assert_eq!(burns.collect::<Vec<_>>(), [] as [&String; 0]);
    assert!(needed.contains("ratatui"), "the walk over the lock file works");
}

/// Packages with their features, as `name version features`, as far as these arguments of `cargo tree` reach.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["tree", "--offline", "--prefix", "none", "--no-dedupe"]);
    let output = command.args(["--format", "{p} {f}"]).args(arguments).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.trim_end_matches(" (*)").to_string()).collect()
}

fn name_of(package: &str) -> &str {
    package.split_whitespace().next().unwrap_or_default()
}

/// The viewer after an example, and the tests after both, build nothing again: tests ask for no other features.
#[test]
fn the_commands_of_the_readme_share_their_builds() {
    let (normal, with_tests) = ("--edges=normal,no-proc-macro", "--edges=normal,dev,no-proc-macro");
    let needed = tree(&["--package", "burnscape-cli", normal]);
    let needed: BTreeSet<&str> = needed.iter().map(|it| name_of(it)).collect();
    let built = |arguments: &[&str]| -> BTreeSet<String> {
        tree(arguments).into_iter().filter(|it| needed.contains(name_of(it))).collect()
    };
    let viewer = built(&[normal]);
    assert!(viewer.iter().any(|it| name_of(it) == "memchr"), "the tree is understood");
    for wider in [vec![with_tests], vec![with_tests, "--workspace"]] {
        let built = built(&wider);
        let other: Vec<_> = built.symmetric_difference(&viewer).collect();
        assert!(
            other.is_empty(),
            "{wider:?} builds with other features than the viewer: {other:?}"
        );
    }
}

#[test]
fn there_is_one_crossterm() {
    let lock = read_toml(&root().join("Cargo.lock"));
    let packages = lock["package"].as_array().expect("packages");
    let crossterms = packages.iter().filter(|it| it["name"].as_str() == Some("crossterm"));
    assert_eq!(crossterms.count(), 1);
}

fn files_below(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let is_ours = name != "target" && !name.starts_with('.') && path != root().join("runs");
        if path.is_dir() && is_ours {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

#[test]
fn every_source_file_says_in_its_first_line_what_it_is_for() {
    let mut files = Vec::new();
    for folder in ["crates", "examples", "tests"] {
        files_below(&root().join(folder), "rs", &mut files);
    }
    assert!(files.len() > 50, "the walk finds the sources");
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let first = text.lines().next().unwrap_or_default();
        let says = first.starts_with("//! ") || first.starts_with("#![doc = include_str!");
        assert!(says, "{} begins with {first:?}", file.display());
    }
}

/// Cargo runs the tests of packages in the order of their names; the last ones tell what was skipped before.
#[test]
fn the_tests_that_sum_up_come_last() {
    let manifest = read_toml(&root().join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().expect("members");
    let others = members.iter().filter_map(toml::Value::as_str).filter(|it| !it.contains('*'));
    let names = others.map(|folder| {
        let manifest = read_toml(&root().join(folder).join("Cargo.toml"));
        manifest["package"]["name"].as_str().expect("a name").to_owned()
    });
    let last = names.chain(crates()).max();
    assert_eq!(last.as_deref(), Some("burnscape-workbench"));
}

#[test]
fn the_workbench_needs_nothing_and_only_tests_need_it() {
    assert_eq!(needed_by("burnscape-workbench"), BTreeSet::new());
    for name in crates() {
        assert!(!dependencies(&name).contains("burnscape-workbench"), "{name}");
    }
}

/// Words in back ticks that look like paths of this repository.
fn paths_named_in(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let tops = ["crates/", "examples/", "tests/", ".ci/", ".github/"];
    let paths = quoted.filter(|it| tops.iter().any(|top| it.starts_with(top)));
    paths.filter(|it| !it.contains([' ', '*', '…', '<'])).collect()
}

#[test]
fn paths_named_in_the_documents_exist() {
    let mut documents = Vec::new();
    files_below(&root(), "md", &mut documents);
    let mut checked = 0;
    for document in documents {
        let text = fs::read_to_string(&document).expect("a document");
        for path in paths_named_in(&text) {
            checked += 1;
            assert!(root().join(path).exists(), "{} names {path}", document.display());
        }
    }
    assert!(checked >= 5, "the documents name paths, and they were found");
}

/// The manifest of a crate, and that of its integration tests where they are a package.
fn manifests(name: &str) -> Vec<toml::Table> {
    let folder = root().join("crates").join(name);
    let paths = [folder.join("Cargo.toml"), folder.join("tests/Cargo.toml")];
    paths.iter().filter(|path| path.exists()).map(|path| read_toml(path)).collect()
}

#[test]
fn manifests_take_versions_and_lints_from_the_workspace() {
    for name in crates() {
        let manifests = manifests(&name);
        let docs = &manifests[0]["package"]["metadata"]["docs"]["rs"];
        assert_eq!(docs["all-features"].as_bool(), Some(true), "{name}: its pages show everything");
        for manifest in manifests {
            assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name}");
            for table in ["dependencies", "dev-dependencies"] {
                let table = manifest.get(table).and_then(toml::Value::as_table);
                for (dependency, value) in table.into_iter().flatten() {
                    let inherited = value.get("workspace").and_then(toml::Value::as_bool);
                    assert_eq!(inherited, Some(true), "{name}: {dependency}");
                }
            }
        }
    }
}

/// A target that a crate no longer finds by itself, and its package of tests does not name, would pass by not being run.
#[test]
fn every_integration_test_of_a_crate_is_a_target() {
    for name in crates() {
        let [crate_, tests] = &manifests(&name)[..] else { continue };
        assert_eq!(crate_["package"]["autotests"].as_bool(), Some(false), "{name}");
        let targets = tests["test"].as_array().expect("targets").iter();
        let named: BTreeSet<_> = targets.filter_map(|it| it["path"].as_str()).collect();
        let folder = root().join("crates").join(&name).join("tests");
        let entries = fs::read_dir(folder).expect("tests").map(|it| it.expect("an entry").path());
        for path in entries {
            let name =
                path.file_name().and_then(|it| it.to_str()).expect("a plain name").to_owned();
            let main = if path.is_dir() { format!("{name}/main.rs") } else { name };
            let is_test =
                path.extension().is_some_and(|it| it == "rs") || path.join("main.rs").exists();
            assert!(
                !is_test || named.contains(main.as_str()),
                "{main} of {} is run",
                path.display()
            );
        }
    }
}

/// The only things at the top of the repository, beside names that begin with a dot.
const TOP: [&str; 12] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "crates",
    "deny.toml",
    "examples",
    "tests",
];

#[test]
fn the_top_of_the_repository_is_short() {
    let ignored = fs::read_to_string(root().join(".gitignore")).expect("what git ignores");
    let is_ignored = |name: &str| ignored.lines().any(|line| line.strip_prefix('/') == Some(name));
    let entries = fs::read_dir(root()).expect("the repository");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let names: BTreeSet<String> = names.map(|name| name.expect("a plain name")).collect();
    let found = names.iter().filter(|name| !name.starts_with('.') && !is_ignored(name));
    assert_eq!(found.collect::<Vec<_>>(), TOP);
}

#[test]
fn the_readme_names_the_oldest_rust_that_will_do() {
    let workspace = read_toml(&root().join("Cargo.toml"));
    let oldest = workspace["workspace"]["package"]["rust-version"].as_str().expect("a version");
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(readme.contains(&format!("Rust {oldest}")), "Rust {oldest}");
}
