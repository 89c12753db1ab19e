//! Many checks: paged and searched on the server.

use std::fmt::Write;

use allswell::domain::beat::BeatKind;

use super::stage::Stage;

#[tokio::test]
async fn checks_are_paged_and_found_by_a_piece_of_their_name_and_by_their_health() {
    let tables = (0..120).fold(String::new(), |mut tables, number| {
        let _ = writeln!(tables, "[[check]]\nname = \"Job {number:03} 100%\"\nperiod = \"1h\"");
        tables
    });
    let stage = Stage::new(&format!("{tables}[[check]]\nname = \"Österreich\"\nperiod = \"1h\"")).await;
    let shown = async |path: &str| {
        let answer = stage.get(path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.len() < 50_000, "{path} has {} bytes", answer.text.len());
        let next =
            answer.text.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).map(|next| next.replace("&amp;", "&"));
        (answer.text.matches("<th scope=\"row\">").count(), next)
    };
    let mut path = Some("/checks?q=job".to_owned());
    let mut counts = Vec::new();
    while let Some(at) = path {
        let (count, next) = shown(&at).await;
        counts.push(count);
        path = next;
    }
    assert_eq!(counts, [50, 50, 20]);
    assert_eq!(shown("/checks?q=JOB+07").await.0, 10, "capitals are like small letters");
    assert_eq!(shown("/checks?q=%C3%96STERR").await.0, 1, "a letter that has a capital elsewhere is found as it is written");
    assert_eq!(shown("/checks?q=100%25").await.0, 50, "a percent sign is one");
    assert_eq!(shown("/checks?q=1_0").await.0, 0, "and so is an underline");
    assert_eq!(stage.sender.say("Job 007 100%", BeatKind::Fail).await, Some(200));
    assert_eq!(shown("/checks?q=job&status=down").await.0, 1);
    assert_eq!(shown("/checks?q=job&status=new&after=Job+050+100%25").await.0, 50);
    let front = stage.get("/", &[]).await.text;
    assert!(front.contains("All 121 checks") && front.len() < 50_000, "{} bytes", front.len());
    let own = front.split("id=\"own\"").nth(1).unwrap();
    assert!(own.find("Job 007").unwrap() < own.find("Job 000").unwrap(), "what is not well comes first");
}
