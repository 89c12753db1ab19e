//! Processes, as a deploy drives them: by the supervisor's control socket.

use std::time::Duration;

use super::control::{InstanceState, ReplaceOrder, UpControl, UpState};
use super::output::last_lines;
use super::said::said;
use crate::domain::colour::Colour;
use crate::files::StateDir;
use crate::runtime::error::RuntimeError;
use crate::runtime::instance::Instance;
use crate::runtime::release::{Each, Pending, Release, Step, Tell};

/// How long the supervisor may take to say what runs.
const LIMIT: Duration = Duration::from_secs(5);

/// The supervisor of this machine.
#[derive(Debug, Clone)]
pub struct ProcessDriver {
    state: StateDir,
    timeout: Duration,
}

impl ProcessDriver {
    /// Of the supervisor with this state directory; a replacement may take as long as `timeout`.
    #[must_use]
    pub fn new(state: StateDir, timeout: Duration) -> Self {
        Self { state, timeout }
    }

    async fn asked(&self) -> Result<UpState, RuntimeError> {
        Ok(UpControl::new(&self.state.up_socket(), LIMIT).state().await?)
    }

    pub(in crate::runtime) async fn instances(&self) -> Result<Vec<Instance>, RuntimeError> {
        Ok(self.asked().await?.instances.iter().map(Instance::from).collect())
    }

    /// The new ones take the place of the old: two processes cannot listen on one port.
    pub(in crate::runtime) async fn replace(&self, release: &Release, tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        if let Some(image) = &release.image {
            return Err(RuntimeError::Refused(format!("processes have no image, and {image} was named: say --version")));
        }
        let colour = release.colour;
        tell(Step::Working(format!("replace: {colour}'s instances stop and start anew")));
        let order = ReplaceOrder { colour, version: release.version.clone() };
        let state = UpControl::new(&self.state.up_socket(), self.timeout).replace(&order).await?;
        Ok(Pending { instances: state.colour(colour).map(Instance::from).collect(), at: Vec::new() })
    }

    pub(in crate::runtime) async fn logs(
        &self,
        colour: Colour,
        lines: Option<usize>,
        follow: bool,
        each: Each<'_>,
    ) -> Result<(), RuntimeError> {
        said(&self.state.instances(), colour, lines, follow, each).await
    }

    /// From their files: a supervisor that is dead does not make them unsaid.
    pub(in crate::runtime) fn last_lines(&self, colour: Colour, count: usize) -> Vec<(String, Vec<String>)> {
        let of = |number: u32| {
            let name = format!("{colour}-{number}");
            let path = self.state.instances().join(format!("{name}.log"));
            path.exists().then(|| (name, last_lines(&path, count)))
        };
        (1..).map_while(of).collect()
    }
}

fn name(instance: &InstanceState) -> String {
    format!("{}-{}", instance.colour, instance.number)
}

impl From<&InstanceState> for Instance {
    fn from(state: &InstanceState) -> Self {
        Self {
            colour: state.colour,
            name: name(state),
            address: Some(state.address.clone()),
            version: state.version.clone(),
            image: None,
            node: None,
            id: state.pid.map(|pid| pid.to_string()),
            since: state.since,
            restarts: state.restarts,
            running: state.running,
            note: None,
        }
    }
}
