//! The heartbeat around a container's command, as its process 1: in images of every kind, by the two lines that any image needs.

use std::time::Duration;

use allswell::domain::beat::BeatKind;
use futures_util::future::join_all;

use crate::harness::{Ear, Stage, within};

const LIMIT: Duration = Duration::from_secs(60);
const KEY: &str = "k";
const TWO_LINES: &str =
    "COPY --from=allswell-heartbeat /allswell-heartbeat /allswell-heartbeat\nENTRYPOINT [\"/allswell-heartbeat\", \"run\", \"--\"]";

/// A stage whose containers beat for an ear of ours.
struct Wrapped {
    stage: Stage,
    ear: Ear,
}

impl Wrapped {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let ear = Ear::start(&format!("{}:7700", stage.here()), KEY).await;
        Self { stage, ear }
    }

    /// Runs a command in an image on this base, under the heartbeat of a check that has the container's name.
    async fn run(&self, base: &str, name: &str, options: &[&str], command: &[&str]) -> String {
        let image = self.stage.build(&format!("wrapped-{}", base.replace(':', "-")), &format!("FROM {base}\n{TWO_LINES}\n")).await;
        let watchers = format!("ALLSWELL_WATCHERS=http://{}:7700", self.stage.here());
        let check = format!("ALLSWELL_CHECK={name}");
        let fixed = ["--env", &watchers, "--env", &check, "--env", "ALLSWELL_BEAT_KEY=k", "--env", "ALLSWELL_EVERY=300ms"];
        self.stage.run(name, &[&fixed[..], options].concat(), &image, command).await
    }

    /// The container's exit code, and what its check heard last: the kind of beat and its reason.
    async fn end(&self, container: &str, check: &str) -> (String, BeatKind, String) {
        let code = self.stage.docker(&["wait", container]).await;
        let last = self.ear.beats().into_iter().rfind(|beat| beat.check == check).expect("a beat");
        (code, last.kind, last.health.and_then(|health| health.reason).unwrap_or_default())
    }

    async fn beats(&self, check: &str) {
        within(LIMIT, "a beat", || async { self.ear.beats().into_iter().find(|beat| beat.check == check) }).await;
    }

    async fn sh(&self, container: &str, script: &str) -> String {
        self.stage.docker(&["exec", container, "sh", "-c", script]).await
    }
}

#[tokio::test]
async fn exit_codes_are_kept_and_told() {
    let wrapped = Wrapped::new().await;
    let cases = [
        (&["sh", "-c", "exit 0"][..], "0", BeatKind::Bye, "ended with code 0"),
        (&["sh", "-c", "exit 3"], "3", BeatKind::Fail, "ended with code 3"),
        (&["sh", "-c", "exit 255"], "255", BeatKind::Fail, "ended with code 255"),
        (&["sh", "-c", "kill -KILL $$"], "137", BeatKind::Fail, "ended by signal 9"),
        (&["sh", "-c", "kill -SEGV $$"], "139", BeatKind::Fail, "ended by signal 11"),
        (&["sh", "-c", "kill -TERM $$"], "143", BeatKind::Fail, "ended by signal 15"),
        (&["/nowhere"], "127", BeatKind::Fail, "/nowhere cannot be started: No such file or directory (os error 2)"),
        (&["/bin"], "126", BeatKind::Fail, "/bin cannot be started: Permission denied (os error 13)"),
    ];
    let ends = cases.iter().enumerate().map(|(number, (command, ..))| {
        let (wrapped, check) = (&wrapped, format!("case{number}"));
        async move {
            let container = wrapped.run("busybox", &check, &[], command).await;
            wrapped.end(&container, &check).await
        }
    });
    for ((command, code, kind, reason), end) in cases.iter().zip(join_all(ends).await) {
        assert_eq!(end, ((*code).to_owned(), *kind, (*reason).to_owned()), "{command:?}");
    }
}

#[tokio::test]
async fn signals_are_forwarded() {
    let wrapped = Wrapped::new().await;
    let signals = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "CONT"];
    let traps: String = signals.iter().map(|signal| format!("trap 'echo got {signal}' {signal}; ")).collect();
    let container = wrapped.run("busybox", "traps", &[], &["sh", "-c", &format!("{traps} echo ready; while :; do sleep 0.1; done")]).await;
    let said = async |what: &str| {
        within(LIMIT, what, || async { wrapped.stage.docker(&["logs", &container]).await.lines().any(|line| line == what).then_some(()) })
            .await;
    };
    said("ready").await;
    for signal in signals {
        wrapped.stage.docker(&["kill", "--signal", signal, &container]).await;
        said(&format!("got {signal}")).await;
    }
    wrapped.sh(&container, "kill -KILL $(cat /proc/1/task/1/children)").await;
    // It had been asked to end, by SIGTERM: it ended, late.
    let reason = "asked to end by SIGTERM: ended by signal 9";
    assert_eq!(wrapped.end(&container, "traps").await, ("137".to_owned(), BeatKind::Bye, reason.to_owned()));
}

#[tokio::test]
async fn the_app_that_somebody_kills_is_told_with_its_code() {
    let wrapped = Wrapped::new().await;
    let container = wrapped.run("busybox", "killed", &[], &["sleep", "600"]).await;
    wrapped.beats("killed").await;
    assert_eq!(wrapped.sh(&container, "tr '\\0' ' ' </proc/1/cmdline").await, "/allswell-heartbeat run -- sleep 600");
    wrapped.sh(&container, "kill -KILL $(cat /proc/1/task/1/children)").await;
    assert_eq!(wrapped.end(&container, "killed").await, ("137".to_owned(), BeatKind::Fail, "ended by signal 9".to_owned()));
}

#[tokio::test]
async fn zombies_are_reaped() {
    let wrapped = Wrapped::new().await;
    // A hundred orphans that end; who started them waits for nobody.
    let script = "i=0; while [ $i -lt 100 ]; do (true &); i=$((i + 1)); done; touch /made; exec sleep 600";
    let container = wrapped.run("busybox", "orphans", &[], &["sh", "-c", script]).await;
    wrapped.beats("orphans").await;
    within(LIMIT, "the orphans are gone", || async {
        let left = wrapped
            .stage
            .engine
            .try_docker(&["exec", &container, "sh", "-c", "ls /made && grep -l '^State:.Z' /proc/[0-9]*/status"])
            .await
            .out;
        (left == "/made\n").then_some(())
    })
    .await;
    wrapped.stage.docker(&["stop", &container]).await;
    let reason = "asked to end by SIGTERM: ended by signal 15";
    assert_eq!(wrapped.end(&container, "orphans").await, ("143".to_owned(), BeatKind::Bye, reason.to_owned()));
}

#[tokio::test]
async fn two_lines_do_in_images_of_every_kind_and_with_no_rights_at_all() {
    let wrapped = Wrapped::new().await;
    // `allswell` is an empty root file system: no shell, no C library, no certificates.
    for base in ["allswell", "busybox", "debian:bookworm-slim"] {
        let check = base.split(':').next().expect("a name");
        let options = [
            &["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "65532:65532"][..],
            &["--env", "ALLSWELL_HEALTH=http://localhost:3000/healthz", "--mount", "type=tmpfs,destination=/state"],
        ];
        let image = wrapped.stage.build(&format!("app-{check}"), &format!("FROM {base}\nCOPY --from=allswell /allswell /app\n")).await;
        let command = ["/app", "scroll", "--bind", "0.0.0.0", "--port", "3000"];
        let container = wrapped.run(&image, check, &options.concat(), &command).await;
        within(LIMIT, "a good beat", || async {
            wrapped.ear.beats().into_iter().find(|beat| beat.check == check && beat.kind == BeatKind::Success)
        })
        .await;
        wrapped.stage.docker(&["exec", &container, "/allswell-heartbeat", "probe", "http://localhost:3000/healthz"]).await;
        wrapped.stage.docker(&["stop", &container]).await;
        let reason = "asked to end by SIGTERM: ended with code 0";
        assert_eq!(wrapped.end(&container, check).await, ("0".to_owned(), BeatKind::Bye, reason.to_owned()), "{base}");
    }
}
