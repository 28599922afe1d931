#[path = "/work/wt/term19/tests/src/pseudo_terminal.rs"] pub mod pseudo_terminal;
#[path = "/work/wt/term19/tests/src/waiting.rs"] pub mod waiting;
pub mod trainee { pub const GO_ON: &str = "go-on"; }
pub mod screen { pub const OPENED: &str = "opened"; pub const CLOSED: &str = "closed"; }
