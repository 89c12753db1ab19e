//! A real Chromium, driven over WebDriver.

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::host::Host;
use super::process::Process;
use super::wait::eventually;

/// A browser is half a dozen processes: one at a time.
static ROOM: Semaphore = Semaphore::const_new(1);
/// The longest that the driver works on one order.
const LONGEST: Duration = Duration::from_secs(60);

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) dark: bool,
}

impl Look {
    pub(crate) const WIDE: Self = Self { width: 1280, dark: false };
    pub(crate) const ALL: [Self; 4] =
        [Self::WIDE, Self { width: 1280, dark: true }, Self { width: 360, dark: false }, Self { width: 360, dark: true }];

    /// `wide`, `narrow-dark`.
    pub(crate) fn name(self) -> String {
        format!("{}{}", if self.width > 600 { "wide" } else { "narrow" }, if self.dark { "-dark" } else { "" })
    }
}

/// A browser with one window. Ends with the test.
pub(crate) struct Browser {
    session: String,
    client: reqwest::Client,
    browser: Option<Pid>,
    _driver: Process,
    _room: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts one, with everything that it writes in the host's directory. It finds no host by name.
    pub(crate) async fn start(host: &Host) -> Self {
        let room = ROOM.acquire().await.expect("the semaphore is never closed");
        let log = host.path("chromedriver.log");
        let driver = Process::start(Command::new("chromedriver").arg("--port=0").env("TMPDIR", host.path("")), &log);
        let port = eventually("chromedriver says its port", || async {
            let said = std::fs::read_to_string(&log).ok()?;
            let port = said.split("successfully on port ").nth(1)?.split('.').next()?;
            port.trim().parse::<u16>().ok()
        })
        .await;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", host.path("chromium").display()));
        let options = json!({ "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let client = allswell::net::client::http(LONGEST).expect("a client");
        let base = format!("http://127.0.0.1:{port}/session");
        let answer: Value = client.post(&base).json(&wanted).send().await.expect("chromedriver answers").json().await.expect("JSON");
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {answer}"));
        let pid = answer["value"]["capabilities"]["goog:processID"].as_i64().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        Self { session: format!("{base}/{id}"), client, browser: pid, _driver: driver, _room: room }
    }

    async fn order(&self, path: &str, order: &Value) -> Value {
        self.attempt(path, order).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn attempt(&self, path: &str, order: &Value) -> Result<Value, Value> {
        let answer = self.client.post(format!("{}/{path}", self.session)).json(order).send().await.expect("chromedriver answers");
        let answer: Value = answer.json().await.expect("JSON");
        let value = answer["value"].clone();
        if value["error"].is_null() { Ok(value) } else { Err(value) }
    }

    /// Orders this of the first element of this kind, once it is there; an open page may change it in between.
    async fn order_of(&self, selector: &str, what: &str, order: &Value) {
        eventually(&format!("{selector}: {what}"), || async {
            let found = self.attempt("element", &json!({ "using": "css selector", "value": selector })).await.ok()?;
            let id = found.as_object()?.values().next()?.as_str()?.to_owned();
            self.attempt(&format!("element/{id}/{what}"), order).await.ok()
        })
        .await;
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.order("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// Opens an address.
    pub(crate) async fn open(&self, url: &str) {
        self.order("url", &json!({ "url": url })).await;
    }

    /// From now on, with this width and these colours.
    pub(crate) async fn look(&self, look: Look) {
        let (width, height) = (look.width, if look.width > 600 { 720 } else { 740 });
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": look.width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!({ "media": "", "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// From now on as on paper, A4 within its margins.
    pub(crate) async fn print(&self) {
        let metrics = json!({ "width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let features = json!([{ "name": "prefers-color-scheme", "value": "light" }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": "print", "features": features })).await;
    }

    /// From now on pages run no script.
    pub(crate) async fn without_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Runs a script in the page, and gives what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.order("execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Everything that the page shows as text, with one space wherever there is any.
    pub(crate) async fn text(&self) -> String {
        let script = json!({ "script": "return document.body ? document.body.innerText : ''", "args": [] });
        // Between two pages there is none.
        let text = self.attempt("execute/sync", &script).await.unwrap_or_default();
        text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Clicks on the first element of this kind.
    pub(crate) async fn click(&self, selector: &str) {
        self.order_of(selector, "click", &json!({})).await;
    }

    /// Types into the first element of this kind.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        self.order_of(selector, "value", &json!({ "text": text })).await;
    }

    /// Waits until the page shows these words.
    pub(crate) async fn shows(&self, words: &str) {
        eventually(&format!("the page shows {words:?}"), || async { self.text().await.contains(words).then_some(()) }).await;
    }

    /// What axe-core finds serious or critical, each with its first place.
    pub(crate) async fn serious_faults(&self) -> Vec<String> {
        let axe = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).expect("axe-core is there: npm install --prefix target/axe axe-core");
        let script = format!(
            "const done = arguments[arguments.length - 1]; const module = undefined; {axe};
             axe.run(document, {{ resultTypes: ['violations'] }}).then((found) => done(found.violations
               .filter((rule) => ['serious', 'critical'].includes(rule.impact))
               .map((rule) => `${{rule.id}}: ${{rule.help}}: ${{rule.nodes[0].html}}: ${{rule.nodes[0].failureSummary}}`)), (error) => done(['axe: ' + error]));"
        );
        let found = self.order("execute/async", &json!({ "script": script, "args": [] })).await;
        let found = found.as_array().unwrap_or_else(|| panic!("axe said {found}"));
        found.iter().map(|fault| fault.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The whole page as a picture, in PNG; `docs/img/NAME.png` where the environment asks for it by ALLSWELL_SCREENSHOTS.
    pub(crate) async fn picture(&self, name: &str) {
        let Ok(folder) = std::env::var("ALLSWELL_SCREENSHOTS") else { return };
        let taken = self.devtools("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true })).await;
        let encoded = taken["data"].as_str().expect("a picture");
        let picture = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).expect("base64");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).expect("a picture is written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its other processes end with it.
        if let Some(pid) = self.browser {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
