//! The tasks of a part: none ends before the part does, unless it fails.

use tokio::task::JoinSet;

/// Waits until one of them fails or panics; without that for ever. A part that has lost one ends and is started anew: others hear of that.
pub(super) async fn failed(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Error {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(panicked) => return panicked.into(),
        }
    }
    std::future::pending().await
}

/// Work that cannot fail.
pub(super) async fn to_its_end(work: impl Future<Output = ()>) -> anyhow::Result<()> {
    work.await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_heard_of_and_one_that_is_done_is_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { Ok(()) });
        tasks.spawn(async { panic!("lost") });
        assert!(failed(&mut tasks).await.to_string().contains("panicked"));
    }
}
