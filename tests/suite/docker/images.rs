//! Our images, as users build them.

use crate::harness::Stage;

/// The first story of tests/all.sh: the others find the images made.
#[tokio::test]
async fn every_image_is_built_by_the_dockerfile_that_users_build() {
    let stage = Stage::new().await;
    for image in ["allswell", "allswell-heartbeat", "allswell-prober", "allswell-watcher", "allswell-proxy"] {
        let user = stage.docker(&["image", "inspect", "--format", "{{.Config.User}}", image]).await;
        assert_eq!(user, "65532:65532", "{image}");
    }
}
