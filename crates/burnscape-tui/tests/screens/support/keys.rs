//! Keys in, screen out, by way of the events of a terminal.

use burnscape_tui::App;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// An application on a terminal that exists only in memory, whose keys mean what is open makes of them.
pub struct Typed {
    pub app: App,
    terminal: Terminal<TestBackend>,
}

impl Typed {
    pub fn new(app: App, (width, height): (u16, u16)) -> Self {
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut typed = Self { app, terminal };
        typed.draw();
        typed
    }

    pub fn press(&mut self, keys: &str) -> &mut Self {
        for character in keys.chars() {
            let event = KeyEvent::new(code(character), KeyModifiers::NONE);
            self.app.handle(&Event::Key(event));
        }
        self.draw();
        self
    }

    pub fn buffer(&self) -> &Buffer {
        self.terminal.backend().buffer()
    }

    pub fn text(&self) -> String {
        let buffer = self.buffer();
        let row = |y| (0..buffer.area.width).map(move |x| buffer[(x, y)].symbol());
        let line = |y| row(y).collect::<String>().trim_end().to_owned() + "\n";
        (0..buffer.area.height).map(line).collect()
    }

    pub fn draw(&mut self) {
        let app = &self.app;
        self.terminal.draw(|frame| app.draw(frame.area(), frame.buffer_mut())).unwrap();
    }
}

fn code(character: char) -> KeyCode {
    match character {
        '\t' => KeyCode::Tab,
        '\n' => KeyCode::Enter,
        '⎋' => KeyCode::Esc,
        '⌫' => KeyCode::Backspace,
        '←' => KeyCode::Left,
        '→' => KeyCode::Right,
        '↑' => KeyCode::Up,
        '↓' => KeyCode::Down,
        other => KeyCode::Char(other),
    }
}
