//! Headless Chromium, spoken to in its DevTools protocol over a pipe: messages of JSON, each with a 0 behind it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with one page; it ends with the test.
pub struct Chromium {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    next_id: u64,
    /// Events of the page so far.
    pub events: Vec<Value>,
    _profile: TempDir,
}

impl Chromium {
    /// `None` where there is no Chromium.
    pub fn start(width: u32, height: u32) -> Option<Self> {
        Some(Self::spawn(&burnscape_workbench::chromium()?, width, height))
    }

    fn spawn(program: &OsStr, width: u32, height: u32) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads commands from descriptor 3 and writes answers to 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 >/dev/null 2>&1"])
            .arg(program)
            .args(["--headless=new", "--no-sandbox", "--remote-debugging-pipe"])
            .args(["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
            .args(["--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let from = BufReader::new(from);
        let (events, session) = (Vec::new(), None);
        let mut browser = Self { child, to, from, session, next_id: 0, events, _profile: profile };
        browser.attach(width, height);
        browser
    }

    fn attach(&mut self, width: u32, height: u32) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", attach);
        self.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", screen);
    }

    /// Sends a command and waits for its answer; events are kept.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let told = self.receive();
            if told["id"] == id {
                assert!(told.get("error").is_none(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
            self.events.push(told);
        }
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.by_ref().read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser has gone away");
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Opens a file and waits until it is there.
    pub fn open(&mut self, page: &Path) {
        let before = self.events.len();
        self.call("Page.navigate", json!({ "url": format!("file://{}", page.display()) }));
        let is_loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events[before..].iter().any(is_loaded) {
            let event = self.receive();
            self.events.push(event);
        }
    }

    /// The value of an expression; of a promise, what it promises.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Files that the page saves are kept in a folder; [`saved`](Self::saved) gives them.
    pub fn save_into(&mut self, folder: &Path) {
        let page = self.session.take();
        let kept =
            json!({ "behavior": "allowAndName", "downloadPath": folder, "eventsEnabled": true });
        self.call("Browser.setDownloadBehavior", kept);
        self.session = page;
    }

    /// The name under which the page saves the next file, and where it lies now that it is whole.
    pub fn saved(&mut self) -> (String, String) {
        let place = |events: &[Value]| {
            events.iter().position(|event| {
                event["method"] == "Browser.downloadProgress"
                    && event["params"]["state"] == "completed"
            })
        };
        while place(&self.events).is_none() {
            let event = self.receive();
            self.events.push(event);
        }
        let whole = self.events.remove(place(&self.events).unwrap());
        let guid = whole["params"]["guid"].as_str().unwrap().to_owned();
        let begun = self.events.iter().find(|event| {
            event["method"] == "Browser.downloadWillBegin" && event["params"]["guid"] == *guid
        });
        let name = begun.unwrap()["params"]["suggestedFilename"].as_str().unwrap();
        (name.to_owned(), guid)
    }

    /// Presses a key of the keyboard, as the one who sits before it does.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            " " => (32, Some(" ")),
            "End" => (35, None),
            "Home" => (36, None),
            "ArrowLeft" => (37, None),
            "ArrowRight" => (39, None),
            _ => panic!("the code of {key} is to be added"),
        };
        let mut parameters =
            json!({ "type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": code });
        if let Some(text) = text {
            parameters["type"] = json!("keyDown");
            parameters["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", parameters.clone());
        parameters["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", parameters);
    }

    pub fn mouse(&mut self, kind: &str, x: f64, y: f64, buttons: u32) {
        let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
        let parameters = json!({
            "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1
        });
        self.call("Input.dispatchMouseEvent", parameters);
    }

    /// What went wrong so far, and what was asked of a network.
    pub fn complaints(&self) -> Vec<String> {
        let is_bad = |event: &&Value| {
            let parameters = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => true,
                "Runtime.consoleAPICalled" => parameters["type"] == "error",
                "Log.entryAdded" => parameters["entry"]["level"] == "error",
                "Network.requestWillBeSent" => {
                    let url = parameters["request"]["url"].as_str().unwrap_or_default();
                    !["file:", "data:", "blob:", "about:"].iter().any(|own| url.starts_with(own))
                }
                _ => false,
            }
        };
        self.events.iter().filter(is_bad).map(Value::to_string).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.session = None;
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
