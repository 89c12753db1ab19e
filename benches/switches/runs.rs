//! The two measurements.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;
use tokio::time::sleep;

use super::costs::Held;
use super::crowd::{Crowd, Size};
use super::fronts::Front;
use super::marks::Marks;
use super::noise::Noise;
use super::order::{By, Operator};
use super::row::{Row, Shift};
use super::stage::{Child, Stage};

const EVERYTHING: Size = Size { clients: 64, websockets: 100, event_streams: 50 };
const REQUESTS: Size = Size { clients: 64, websockets: 0, event_streams: 0 };
/// What comes after them is compared with what comes after all.
const WARM: usize = 50;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) front: Front,
    /// A program orders, and not `allswell switch`.
    pub(crate) by_remote: bool,
    /// Where our executables are; none where cargo has put them.
    pub(crate) from: Option<&'a Path>,
}

impl Setting<'_> {
    fn name(&self) -> String {
        let by = if self.by_remote { ", ordered by a program" } else { "" };
        let from = self.from.map_or_else(String::new, |folder| format!(", from {}", folder.display()));
        format!("{}{by}{from}", self.front.name())
    }
}

/// Everything that runs.
struct Ground {
    noise: Noise,
    stage: Stage,
    proxy: Child,
    prober: Child,
    apps: [Child; 2],
    crowd: Crowd,
    operator: Operator,
}

impl Ground {
    async fn new(setting: Setting<'_>, size: Size) -> Self {
        let Setting { front, by_remote, from } = setting;
        let stage = Stage::new(front, from);
        let noise = Noise::at(&stage);
        let apps = [stage.app(Colour::Blue).await, stage.app(Colour::Green).await];
        let proxy = front.start(&stage);
        stage.until_open(&stage.at(8000)).await;
        let prober = stage.prober().await;
        let crowd = Crowd::start(&stage.at(8000), Marks::new(Colour::Blue), size);
        // Everybody has come, and both colours have been seen passing.
        sleep(Duration::from_secs(3)).await;
        let by = if by_remote { By::Remote(stage.remote()) } else { By::Command(stage.path("")) };
        Self { noise, stage, proxy, prober, apps, crowd, operator: Operator::new(by) }
    }

    async fn switch(&self, to: Colour) -> Shift {
        self.operator.switch(self.stage.at(8000), Arc::clone(&self.crowd.shared), to).await
    }

    /// By the proxy and by the prober.
    fn held(&self) -> [Held; 2] {
        [Held::by(self.proxy.pid()), Held::by(self.prober.pid())]
    }
}

fn colour(number: usize) -> Colour {
    if number.is_multiple_of(2) { Colour::Green } else { Colour::Blue }
}

/// So many switches under all kinds of clients.
pub(crate) async fn under_everything(setting: Setting<'_>, switches: usize) -> Row {
    let ground = Ground::new(setting, EVERYTHING).await;
    let (mut shifts, mut before) = (Vec::new(), ground.held());
    let began = clock::elapsed();
    for number in 0..switches {
        if number == WARM.min(switches / 2) {
            before = ground.held();
        }
        shifts.push(ground.switch(colour(number)).await);
    }
    let took = clock::elapsed() - began;
    let after = ground.held();
    let Ground { noise, crowd, .. } = ground;
    Row { name: setting.name(), noise, tally: crowd.end().await, shifts, took, before, after }
}

/// So many rounds in which the old colour is killed as soon as nothing claims it.
pub(crate) async fn stops(setting: Setting<'_>, rounds: usize) -> Row {
    let mut ground = Ground::new(setting, REQUESTS).await;
    let driver = ground.stage.driver();
    let (mut shifts, before) = (Vec::new(), ground.held());
    let began = clock::elapsed();
    for number in 0..rounds {
        let (new, old) = (colour(number), colour(number).other());
        shifts.push(ground.switch(new).await);
        loop {
            let load = driver.load(old).await.unwrap();
            if load.in_flight + load.streams == 0 {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        let app = &mut ground.apps[usize::from(old == Colour::Green)];
        app.kill();
        // Whoever still believed in it would notice now.
        sleep(Duration::from_millis(200)).await;
        *app = ground.stage.app(old).await;
    }
    let took = clock::elapsed() - began;
    let after = ground.held();
    let Ground { noise, crowd, .. } = ground;
    Row { name: format!("{}, old colour killed", setting.name()), noise, tally: crowd.end().await, shifts, took, before, after }
}
