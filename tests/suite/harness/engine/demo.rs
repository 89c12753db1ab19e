//! Images of the demo app: the usual one by version, and those that misbehave.

use super::shared::Client;

/// An image of the demo app. It listens on port 3000; its health URL is `/healthz`, and `/whoami` answers `COLOUR VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Demo {
    /// `demo:VERSION`: under the heartbeat, by the two lines that any image needs. `ALLSWELL_WATCHERS` and its key must be given.
    Version(&'static str),
    /// `bare:VERSION`: without the heartbeat.
    Bare(&'static str),
    /// `demo:sick`: listens, and answers 404 to its health URL for ever.
    Sick,
    /// `demo:crash`: says a line and ends with code 3.
    Crash,
    /// `demo:slow`: listens after 5 s.
    Slow,
}

/// What `demo:crash` says before it ends.
pub(crate) const LAST_WORDS: &str = "the catalogue cannot be opened: no such file";

impl Demo {
    /// Its name with its tag.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Version(version) => format!("demo:{version}"),
            Self::Bare(version) => format!("bare:{version}"),
            Self::Sick => "demo:sick".to_owned(),
            Self::Crash => "demo:crash".to_owned(),
            Self::Slow => "demo:slow".to_owned(),
        }
    }

    /// Builds it, mostly from the engine's cache.
    pub(super) fn make(&self, docker: &Client) -> Result<(), String> {
        docker.build_text(&self.name(), &self.dockerfile())
    }

    fn dockerfile(&self) -> String {
        let scroll = "/allswell scroll --bind 0.0.0.0 --port 3000";
        let (version, command) = match self {
            Self::Version(version) | Self::Bare(version) => (*version, scroll.split(' ').map(str::to_owned).collect::<Vec<_>>()),
            Self::Sick => ("sick", shell("echo 'the catalogue is being read'; exec httpd -f -p 3000 -h /bin")),
            Self::Crash => ("crash", shell(&format!("echo '{LAST_WORDS}' >&2; exit 3"))),
            Self::Slow => ("slow", shell(&format!("sleep 5; exec {scroll}"))),
        };
        let heartbeat = match self {
            Self::Bare(_) => "",
            Self::Version(_) | Self::Sick | Self::Crash | Self::Slow => {
                "COPY --from=allswell-heartbeat /allswell-heartbeat /allswell-heartbeat\nENTRYPOINT [\"/allswell-heartbeat\", \"run\", \"--\"]\n"
            }
        };
        format!(
            "FROM busybox:latest\nCOPY --from=allswell /allswell /allswell\n{heartbeat}\
             ENV ALLSWELL_VERSION={version} ALLSWELL_HEALTH=http://localhost:3000/healthz\nEXPOSE 3000\nCMD {command:?}\n"
        )
    }
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}
