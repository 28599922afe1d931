//! Which files of a crate need which: names in `use` and in code, followed through re-exports to the file that has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Names = Vec<String>;

/// The files of a crate, by the paths of their modules. What only tests need is left out.
#[derive(Default)]
pub struct Sources(BTreeMap<Names, Module>);

#[derive(Default)]
struct Module {
    /// Below `src`.
    file: String,
    /// Code without `use`, comments and texts.
    code: String,
    imports: BTreeMap<String, Import>,
    globs: Vec<Names>,
}

struct Import {
    path: Names,
    is_public: bool,
}

impl Sources {
    /// The crate whose sources lie in this folder.
    pub fn of(src: &Path) -> Self {
        let root = if src.join("lib.rs").exists() { "lib.rs" } else { "main.rs" };
        let mut sources = Self::default();
        sources.load(src, root.into(), Names::new());
        sources
    }

    fn load(&mut self, src: &Path, file: PathBuf, path: Names) {
        let text = fs::read_to_string(src.join(&file)).expect("a source file");
        let code = without_tests(&without_texts(&text));
        let is_folder = ["lib.rs", "main.rs", "mod.rs"].iter().any(|name| file.ends_with(name));
        let folder =
            if is_folder { file.parent().unwrap().to_owned() } else { file.with_extension("") };
        for child in declared_modules(&code) {
            let files = [format!("{child}.rs"), format!("{child}/mod.rs")];
            let mut files = files.iter().map(|name| folder.join(name));
            let file = files.find(|file| src.join(file).exists()).expect("the file of a module");
            self.load(src, file, [&path[..], &[child]].concat());
        }
        self.0.insert(path, Module::of(file.display().to_string(), &code));
    }

    /// Per file, the others that it needs.
    pub fn needs(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let named = |(path, module): (&Names, &Module)| {
            let found = self.named_in(path, module).into_iter();
            let files = found.map(|path| self.0[&path].file.as_str());
            files.filter(|file| *file != module.file).collect()
        };
        self.0.iter().map(|it| (it.1.file.as_str(), named(it))).collect()
    }

    fn named_in(&self, path: &Names, module: &Module) -> Vec<Names> {
        let own = |name: &&String| has_word(&module.code, name);
        let imports = module.imports.iter().filter(|(name, it)| !it.is_public || own(name));
        let imports = imports.filter_map(|(_, it)| self.home_of_item(path, &it.path));
        let globs = module.globs.iter().filter_map(|it| self.resolve(path, it, 0));
        let globs = globs.map(|(home, _)| home);
        let in_code = paths_in(&module.code).into_iter();
        let in_code = in_code.filter(|it| self.begins_here(path, module, it));
        let in_code = in_code.filter_map(|it| self.home_of_item(path, &it));
        imports.chain(globs).chain(in_code).collect()
    }

    /// Whether the first name of a path in code is a module of this crate, and no type.
    fn begins_here(&self, at: &Names, module: &Module, path: &[String]) -> bool {
        let first = &path[0];
        let imported = || self.resolve(at, &module.imports.get(first)?.path, 0);
        ["crate", "self", "super"].contains(&first.as_str())
            || self.0.contains_key(&child(at, first))
            || imported().is_some_and(|(_, is_module)| is_module)
    }

    fn home_of_item(&self, at: &Names, path: &[String]) -> Option<Names> {
        let (home, is_module) = self.resolve(at, path, 0)?;
        (!is_module).then_some(home)
    }

    /// The module that a path leads to, or that has the item that it names; whether it is the module itself that is
    /// named. `None`: it is of another crate.
    fn resolve(&self, at: &Names, path: &[String], depth: usize) -> Option<(Names, bool)> {
        assert!(depth < 50, "{path:?} in {at:?} leads in a circle");
        let (mut home, mut rest) = self.start(at, path, depth)?;
        while let Some((name, others)) = rest.split_first() {
            let module = &self.0[&home];
            let below = child(&home, name);
            match module.imports.get(name) {
                Some(import) if !self.0.contains_key(&below) || others.is_empty() => {
                    let on = [&import.path[..], others].concat();
                    return if on == [name.clone()] {
                        None
                    } else {
                        self.resolve(&home, &on, depth + 1)
                    };
                }
                _ if self.0.contains_key(&below) => (home, rest) = (below, others),
                _ => return Some((self.behind_globs(&home, name, depth), false)),
            }
        }
        Some((home, true))
    }

    /// Where a path begins, and what of it is left.
    fn start<'p>(
        &self,
        at: &Names,
        path: &'p [String],
        depth: usize,
    ) -> Option<(Names, &'p [String])> {
        let (first, others) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Names::new(), others)),
            "self" => Some((at.clone(), others)),
            "super" => {
                let ups = path.iter().take_while(|it| *it == "super").count();
                Some((at[..at.len().checked_sub(ups)?].to_vec(), &path[ups..]))
            }
            name if self.0.contains_key(&child(at, name)) => Some((at.clone(), path)),
            name => {
                // `use anyhow::anyhow` names a crate and what it has alike.
                let import = &self.0[at].imports.get(name).filter(|it| it.path[0] != name)?.path;
                let (home, is_module) = self.resolve(at, import, depth + 1)?;
                is_module.then_some((home, others))
            }
        }
    }

    /// The module that defines a name which another one has by `*`.
    fn behind_globs(&self, home: &Names, name: &str, depth: usize) -> Names {
        let globs = self.0[home].globs.iter();
        let mut modules = globs.filter_map(|it| Some(self.resolve(home, it, depth + 1)?.0));
        let found = modules.find(|it| it != home && defines(&self.0[it].code, name));
        found.unwrap_or_else(|| home.clone())
    }
}

impl Module {
    fn of(file: String, code: &str) -> Self {
        let mut module = Self { file, ..Self::default() };
        let mut rest = code;
        while let Some((before, tree, after)) = next_use(rest) {
            module.code += before;
            let is_public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
            module.take(&[], tree, is_public);
            rest = after;
        }
        module.code += rest;
        module
    }

    /// Takes a tree such as `a::{b, c::d as e}`.
    fn take(&mut self, prefix: &[String], tree: &str, is_public: bool) {
        let tree = tree.trim();
        if let Some(list) = tree.strip_prefix('{') {
            let list = list.strip_suffix('}').expect("a closed list");
            return branches(list).into_iter().for_each(|it| self.take(prefix, it, is_public));
        }
        let Some((name, below)) = tree.split_once("::") else {
            return self.take_leaf(prefix, tree, is_public);
        };
        let prefix: Names = prefix.iter().cloned().chain(Some(name.trim().to_owned())).collect();
        self.take(&prefix, below, is_public);
    }

    fn take_leaf(&mut self, prefix: &[String], leaf: &str, is_public: bool) {
        let (name, alias) =
            leaf.split_once(" as ").map_or((leaf, None), |(it, alias)| (it, Some(alias)));
        let mut path = prefix.to_vec();
        match name.trim() {
            "" => return,
            "*" => return self.globs.push(path),
            "self" => {}
            name => path.push(name.to_owned()),
        }
        let Some(last) = path.last().cloned() else { return };
        self.imports
            .insert(alias.map_or(last, |it| it.trim().to_owned()), Import { path, is_public });
    }
}

/// Groups of files that all need each other, of three and more.
pub fn long_circles<'a>(needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<Vec<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        needs.keys().map(|file| (*file, reached_from(needs, file))).collect();
    let circle = |file: &&'a str| -> Vec<&'a str> {
        let back =
            needs.keys().filter(|it| reached[*file].contains(*it) && reached[*it].contains(file));
        back.copied().collect()
    };
    needs.keys().map(circle).filter(|circle| circle.len() > 2).collect()
}

fn reached_from<'a>(needs: &BTreeMap<&'a str, BTreeSet<&'a str>>, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = needs[file].iter().copied().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&needs[next]);
        }
    }
    reached
}

fn child(path: &[String], name: &str) -> Names {
    path.iter().cloned().chain(Some(name.to_owned())).collect()
}

/// Code without comments, and with empty texts and characters.
fn without_texts(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let is_word = code.ends_with(|it: char| it.is_alphanumeric() || it == '_');
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n'),
            '"' => Some(text_len(rest)),
            'r' if !is_word => raw_text_len(rest),
            'b' if !is_word && rest.starts_with("br") => {
                raw_text_len(&rest[1..]).map(|len| len + 1)
            }
            '\'' => char_len(rest),
            _ => None,
        };
        if skipped.is_none() {
            code.push(first);
        }
        rest = &rest[skipped.unwrap_or(first.len_utf8())..];
    }
    code
}

/// Length of `"…"`.
fn text_len(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, it)| {
        let is_end = it == '"' && !is_escaped;
        is_escaped = it == '\\' && !is_escaped;
        is_end
    });
    end.expect("a closed text").0 + 1
}

/// Length of `r#"…"#`; `None` if it is none.
fn raw_text_len(text: &str) -> Option<usize> {
    let hashes = text[1..].chars().take_while(|it| *it == '#').count();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&end)? + end.len())
}

/// Length of `'…'`; `None` if it is a lifetime.
fn char_len(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let is_escaped = chars.next()?.1 == '\\';
    let end = if is_escaped { chars.skip(1).find(|it| it.1 == '\'') } else { chars.next() };
    end.filter(|it| it.1 == '\'').map(|it| it.0 + 1)
}

/// Code without the items that only tests have.
fn without_tests(code: &str) -> String {
    let (mut kept, mut rest) = (String::new(), code);
    while let Some(start) =
        ["#[cfg(test)", "#[cfg(all(test"].iter().filter_map(|it| rest.find(it)).min()
    {
        kept += &rest[..start];
        rest = &rest[start + item_len(&rest[start..])..];
    }
    kept + rest
}

/// Length of an item, to its `;` or to its last brace.
fn item_len(item: &str) -> usize {
    let mut depth = 0;
    let end = item.char_indices().find(|&(_, it)| {
        depth += i32::from(it == '{') - i32::from(it == '}');
        depth == 0 && (it == ';' || it == '}')
    });
    end.map_or(item.len(), |it| it.0 + 1)
}

/// Names of modules that have files of their own.
fn declared_modules(code: &str) -> Vec<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let declared = words.windows(2).filter(|two| two[0] == "mod");
    declared.filter_map(|two| Some(two[1].strip_suffix(';')?.to_owned())).collect()
}

/// What stands before the next `use`, its tree, and what comes after it.
fn next_use(code: &str) -> Option<(&str, &str, &str)> {
    let is_use = |&(at, _): &(usize, &str)| {
        code[at + 3..].starts_with(' ')
            && !code[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_')
    };
    let (start, _) = code.match_indices("use").find(is_use)?;
    let end = start + code[start..].find(';')?;
    Some((&code[..start], &code[start + 3..end], &code[end + 1..]))
}

/// The parts of a list, in which lists may lie.
fn branches(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let split = list.split(move |it: char| {
        depth += i32::from(it == '{') - i32::from(it == '}');
        depth == 0 && it == ','
    });
    split.collect()
}

/// Paths of at least two names.
fn paths_in(code: &str) -> Vec<Names> {
    let is_of_path = |it: char| it.is_alphanumeric() || it == '_' || it == ':';
    let words = code.split(|it| !is_of_path(it)).filter(|word| word.contains("::"));
    let paths = words.map(|word| word.split("::").map(str::to_owned).collect::<Names>());
    paths
        .map(|path| path.into_iter().take_while(|it| !it.is_empty()).collect::<Names>())
        .filter(|path| path.len() > 1)
        .collect()
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|it: char| !it.is_alphanumeric() && it != '_').any(|it| it == word)
}

fn defines(code: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "type", "const", "static"]
        .iter()
        .any(|kind| code.contains(&format!("{kind} {name}")))
}
