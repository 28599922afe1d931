//! How many lines two sources differ in.

/// Lines of the second source that the first one does not have in that place: those that were added or replaced, by the
/// longest common subsequence of both.
pub fn changed(from: &str, to: &str) -> usize {
    let (from, to) = (unbroken(from), unbroken(to));
    // Length of the longest one of what is left of `from`, by how much is left of `to`.
    let mut longest = vec![0; to.len() + 1];
    for line in from.iter().rev() {
        let below = longest.clone();
        for (place, other) in to.iter().enumerate().rev() {
            longest[place] = match line == other {
                true => below[place + 1] + 1,
                false => below[place].max(longest[place + 1]),
            };
        }
    }
    to.len() - longest[0]
}

/// The lines of a source as they were before rustfmt broke them: what stands in brackets is one line, and so is a
/// variable with its first call (`let training = probe` and `.training(…)`), which would be one on a function's value.
fn unbroken(source: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in source.lines() {
        match lines.last_mut().filter(|before| is_broken(before, line)) {
            Some(before) => before.push_str(line.trim_start()),
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

fn is_broken(before: &str, line: &str) -> bool {
    let count = |brackets: [char; 2]| before.matches(brackets).count();
    let is_call = |line: &str| line.trim_start().starts_with('.');
    let is_variable = !is_call(before) && before.ends_with(char::is_alphanumeric);
    count(['(', '[']) > count([')', ']']) || (is_call(line) && is_variable)
}

#[test]
fn lines_are_counted_where_they_were_added_or_replaced() {
    assert_eq!(changed("a\nb\nc", "a\nb\nc"), 0);
    assert_eq!(changed("a\nb\nc", "a\nc"), 0, "left out");
    assert_eq!(changed("a\nb\nc", "a\nx\nc\ny"), 2, "one replaced, one added");
    assert_eq!(changed("a\nb", "b\na"), 1, "moved");
    assert_eq!(changed("", "a\nb"), 2);
    assert_eq!(changed("f(x)\n  .g()", "x\n  .f()\n  .g()"), 1, "broken by rustfmt alone");
    assert_eq!(changed("a\nb", "a\nf(|x| {\n  x\n});"), 1, "the same");
    assert_eq!(changed("f(x)\n  .g()\n  .h()", "f(x)\n  .i()\n  .j()"), 2, "two calls");
}
