use super::*;

const STEADY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(10);

fn at(second: i64) -> Moment {
    Moment::from_millis(second * 1_000)
}

fn container(name: &str, life: Life, started: i64, ended: Option<End>) -> Container {
    Container {
        name: name.to_owned(),
        id: Some(format!("id-of-{name}")),
        colour: Colour::Blue,
        holds: Holds::App,
        life,
        started_at: Some(at(started)),
        ended,
    }
}

fn running(name: &str, started: i64) -> Container {
    container(name, Life::Running, started, None)
}

fn end(second: i64, code: Option<i64>) -> End {
    End { at: at(second), code, out_of_memory: false, sent: None, note: None }
}

fn dead(name: &str, second: i64, code: i64) -> Container {
    container(name, Life::Ended, 0, Some(end(second, Some(code))))
}

fn scene(now: i64) -> Scene<'static> {
    Scene { now: at(now), acts: &[], outage: None, passed: [Some(at(now)), Some(at(now))], steady: STEADY, patience: PATIENCE }
}

fn happening(second: i64, name: &str, what: Happened) -> Happening {
    Happening { at: at(second), of: Some((name.to_owned(), format!("id-of-{name}"))), what }
}

/// A vigil that has seen these two run since the beginning.
fn vigil() -> Vigil {
    let mut vigil = Vigil::default();
    vigil.look(vec![running("one", 0), running("two", 0)], &scene(20));
    assert_eq!(troubles(&vigil, 20), [("one", None), ("two", None)].map(|(name, _): (&str, Option<()>)| (name.to_owned(), None)));
    vigil
}

fn troubles(vigil: &Vigil, now: i64) -> Vec<(String, Option<String>)> {
    let words = vigil.words(&scene(now)).into_iter();
    words.map(|word| (word.name, word.trouble.map(|(why, _)| why))).collect()
}

fn trouble_of(vigil: &Vigil, name: &str, now: i64) -> Option<String> {
    troubles(vigil, now).into_iter().find(|(of, _)| of == name).and_then(|(_, why)| why)
}

#[test]
fn a_container_that_ends_is_in_trouble_at_once_with_its_exit_code_and_last_words() {
    let mut vigil = vigil();
    vigil.look(vec![dead("one", 30, 137), running("two", 0)], &scene(31));
    assert_eq!(vigil.without_last_words(), [("one".to_owned(), "id-of-one".to_owned())]);
    vigil.keep_last_words("one", vec!["out of cheese".to_owned()]);
    assert_eq!(vigil.without_last_words(), []);
    assert_eq!(trouble_of(&vigil, "one", 31).unwrap(), "one was ended by signal 9 (exit code 137); it said last: out of cheese");
    assert_eq!(trouble_of(&vigil, "two", 31), None);
}

#[test]
fn one_that_is_back_before_anybody_looked_is_in_trouble_until_it_has_run_for_a_while() {
    let mut vigil = vigil();
    // The engine has forgotten the exit code by then; its event has not.
    vigil.happened(happening(30, "one", Happened::Ended(Some(1))));
    let back = || vec![container("one", Life::Running, 31, Some(end(30, None))), running("two", 0)];
    vigil.look(back(), &scene(31));
    assert_eq!(trouble_of(&vigil, "one", 31).unwrap(), "one ended with exit code 1");
    vigil.look(back(), &scene(40));
    assert!(trouble_of(&vigil, "one", 40).is_some(), "it has run for 9 s only");
    vigil.look(back(), &Scene { passed: [Some(at(30)), None], ..scene(41) });
    assert!(trouble_of(&vigil, "one", 41).is_some(), "its colour has not answered since");
    vigil.look(back(), &scene(41));
    assert_eq!(trouble_of(&vigil, "one", 41), None);
    vigil.look(back(), &scene(50));
    assert_eq!(trouble_of(&vigil, "one", 50), None, "the same end does not count twice");
}

#[test]
fn an_end_that_no_event_told_of_is_seen_in_the_container_itself() {
    let mut vigil = vigil();
    vigil.look(vec![container("one", Life::Running, 31, Some(end(30, None))), running("two", 0)], &scene(32));
    assert_eq!(trouble_of(&vigil, "one", 32).unwrap(), "one ended; its exit code is not known");
}

#[test]
fn an_end_that_shows_before_the_engine_tells_of_it_is_waited_for_once() {
    let mut vigil = vigil();
    assert!(!vigil.has_still_to_hear_of(&[running("one", 0), running("two", 0)]));
    let seen = vec![dead("one", 30, 0), container("two", Life::Running, 31, Some(end(30, None)))];
    vigil.happened(happening(31, "one", Happened::Ended(Some(0))));
    assert!(vigil.has_still_to_hear_of(&seen), "the second one runs again, and what it ended with is not known");
    let mut told = vigil.clone();
    told.happened(happening(32, "two", Happened::Ended(Some(1))));
    assert!(!told.has_still_to_hear_of(&seen), "it has told of both");
    vigil.look(seen.clone(), &scene(32));
    assert!(!vigil.has_still_to_hear_of(&seen), "it has not told, and may never");
    assert!(!vigil.has_still_to_hear_of(&[dead("three", 30, 1)]), "nobody knew that one when it ended");
}

#[test]
fn an_event_that_is_replayed_changes_nothing() {
    let mut vigil = vigil();
    for _ in 0..2 {
        vigil.happened(happening(30, "one", Happened::Ended(Some(1))));
        for second in [31, 50] {
            vigil.look(vec![running("one", 31), running("two", 0)], &scene(second));
        }
    }
    assert_eq!(trouble_of(&vigil, "one", 50), None, "it was over at 41");
    let kept: Vigil = serde_json::from_str(&serde_json::to_string(&vigil).unwrap()).unwrap();
    let mut restarted = kept;
    restarted.happened(happening(30, "one", Happened::Ended(Some(1))));
    restarted.look(vec![running("one", 31), running("two", 0)], &scene(51));
    assert_eq!(trouble_of(&restarted, "one", 51), None);
}

#[test]
fn what_a_deploy_does_itself_is_no_trouble_and_what_happens_after_it_is() {
    let under_way = [Act { colour: Colour::Blue, from: at(25), until: None }];
    let mut vigil = vigil();
    let during = Scene { acts: &under_way, ..scene(31) };
    vigil.happened(happening(30, "one", Happened::Ended(Some(143))));
    vigil.look(vec![dead("one", 30, 143), running("two", 0), running("three", 29)], &during);
    assert_eq!(trouble_of(&vigil, "one", 31), None);
    vigil.look(vec![running("two", 0), running("three", 29)], &during);
    assert_eq!(troubles(&vigil, 31).len(), 2, "it is forgotten");
    let over = [Act { until: Some(at(40)), ..under_way[0] }];
    let after = Scene { acts: &over, ..scene(61) };
    vigil.look(vec![running("two", 0), dead("three", 60, 1)], &after);
    assert!(trouble_of(&vigil, "three", 61).is_some());
    let other = [Act { colour: Colour::Green, from: at(55), until: None }];
    let mut vigil = self::vigil();
    vigil.look(vec![running("two", 0), dead("one", 60, 1)], &Scene { acts: &other, ..scene(61) });
    assert!(trouble_of(&vigil, "one", 61).is_some(), "the other colour's deploy excuses nothing");
}

#[test]
fn one_that_was_ended_on_purpose_stays_excused() {
    let over = [Act { colour: Colour::Blue, from: at(25), until: Some(at(31)) }];
    let mut vigil = Vigil::default();
    // Found after a restart of the prober, long after.
    vigil.look(vec![dead("one", 30, 143)], &Scene { acts: &over, ..scene(500) });
    vigil.look(vec![dead("one", 30, 143)], &Scene { acts: &over, ..scene(600) });
    assert_eq!(troubles(&vigil, 600), []);
}

#[test]
fn what_is_only_found_is_told_when_it_lasts() {
    let mut vigil = Vigil::default();
    vigil.look(vec![dead("one", 3, 1)], &scene(100));
    assert_eq!(troubles(&vigil, 109), [], "whoever starts it may be at it");
    assert_eq!(trouble_of(&vigil, "one", 110).unwrap(), "one ended with exit code 1");
    let mut other = Vigil::default();
    other.look(vec![container("one", Life::Running, 90, Some(end(80, None)))], &scene(100));
    assert_eq!(trouble_of(&other, "one", 200), None, "how it ended before is history");
}

#[test]
fn what_ended_with_the_engine_and_runs_again_is_the_engines_trouble() {
    let mut vigil = vigil();
    let returned = Scene { outage: Some(at(28)), ..scene(40) };
    vigil.look(vec![container("one", Life::Running, 39, Some(end(29, None))), dead("two", 29, 0)], &returned);
    assert_eq!(trouble_of(&vigil, "one", 60), None);
    assert_eq!(trouble_of(&vigil, "two", 49), None, "it may be on its way");
    assert!(trouble_of(&vigil, "two", 50).is_some());
}

#[test]
fn one_that_restarts_in_a_loop_says_so_and_must_run_longer() {
    let mut vigil = vigil();
    for second in [30, 32, 34] {
        vigil.happened(happening(second, "one", Happened::Ended(Some(1))));
        vigil.look(vec![running("one", second + 1), running("two", 0)], &scene(second + 1));
    }
    assert_eq!(trouble_of(&vigil, "one", 35).unwrap(), "one ended with exit code 1; it restarts in a loop: 3 times in 4s");
    vigil.look(vec![running("one", 35), running("two", 0)], &scene(94));
    assert!(trouble_of(&vigil, "one", 94).is_some());
    vigil.look(vec![running("one", 35), running("two", 0)], &scene(95));
    assert_eq!(trouble_of(&vigil, "one", 95), None);
}

#[test]
fn an_end_that_a_look_finds_before_the_engine_tells_of_it_has_its_signal_and_counts_once() {
    let mut vigil = vigil();
    let words = "one was sent signal 15 (stop) by hand and ended with exit code 0";
    for second in [30, 40] {
        vigil.happened(happening(second, "one", Happened::Signalled("15".to_owned())));
        vigil.look(vec![dead("one", second + 1, 0), running("two", 0)], &scene(second + 1));
        assert_eq!(trouble_of(&vigil, "one", second + 1).unwrap(), words);
        vigil.happened(happening(second + 2, "one", Happened::Ended(Some(0))));
        vigil.look(vec![dead("one", second + 1, 0), running("two", 0)], &scene(second + 2));
        assert_eq!(trouble_of(&vigil, "one", second + 2).unwrap(), words);
    }
}

#[test]
fn what_the_engine_tells_of_an_end_that_a_look_has_found_is_learnt() {
    let mut vigil = vigil();
    vigil.look(vec![dead("one", 30, 137), running("two", 0)], &scene(30));
    assert_eq!(trouble_of(&vigil, "one", 30).unwrap(), "one was ended by signal 9 (exit code 137)");
    vigil.happened(happening(30, "one", Happened::Signalled("9".to_owned())));
    vigil.happened(happening(31, "one", Happened::Ended(Some(137))));
    vigil.look(vec![dead("one", 30, 137), running("two", 0)], &scene(31));
    assert_eq!(trouble_of(&vigil, "one", 31).unwrap(), "one was sent signal 9 (kill) by hand and ended with exit code 137");
}

#[test]
fn what_the_engine_tells_of_in_one_millisecond_or_out_of_order_is_taken_in() {
    for others in [30, 31] {
        let mut vigil = vigil();
        vigil.happened(happening(others, "two", Happened::Other));
        vigil.happened(happening(30, "one", Happened::Signalled("15".to_owned())));
        vigil.happened(happening(30, "one", Happened::Ended(Some(0))));
        assert_eq!(vigil.heard_until, Some(at(others)));
        vigil.look(vec![dead("one", 30, 0), running("two", 0)], &scene(31));
        assert_eq!(trouble_of(&vigil, "one", 31).unwrap(), "one was sent signal 15 (stop) by hand and ended with exit code 0");
    }
}

#[test]
fn a_pause_by_hand_is_trouble_until_it_runs_on() {
    let mut vigil = vigil();
    vigil.look(vec![container("one", Life::Paused, 0, None), running("two", 0)], &scene(30));
    assert_eq!(trouble_of(&vigil, "one", 30).unwrap(), "one is paused by hand");
    vigil.look(vec![running("one", 0), running("two", 0)], &scene(40));
    assert_eq!(trouble_of(&vigil, "one", 40), None);
}

#[test]
fn one_that_is_removed_by_hand_is_in_trouble_until_it_is_back() {
    let mut vigil = vigil();
    vigil.happened(happening(30, "one", Happened::Signalled("9".to_owned())));
    vigil.happened(happening(31, "one", Happened::Ended(Some(137))));
    vigil.look(vec![running("two", 0)], &scene(31));
    assert_eq!(trouble_of(&vigil, "one", 31).unwrap(), "one was sent signal 9 (kill) by hand and ended with exit code 137");
    vigil.look(vec![running("two", 0), running("one", 40)], &scene(50));
    assert_eq!(trouble_of(&vigil, "one", 50), None);
    // Without any event: it may have been renamed, or replaced.
    vigil.look(vec![running("one", 40)], &scene(60));
    assert_eq!(trouble_of(&vigil, "two", 69), None);
    assert_eq!(trouble_of(&vigil, "two", 70).unwrap(), "two is not there any more: it was removed by hand");
    vigil.look(vec![running("one", 40)], &scene(661));
    assert_eq!(trouble_of(&vigil, "two", 661), None, "by now the number says it");
}

#[test]
fn a_heartbeat_beside_the_app_is_well_again_whether_or_not_the_app_answers() {
    let mut vigil = vigil();
    let beside = |life, ended| Container { holds: Holds::Heartbeat { instance: "one".to_owned() }, ..container("beat", life, 0, ended) };
    vigil.look(vec![beside(Life::Running, None)], &scene(30));
    vigil.look(vec![beside(Life::Ended, Some(end(40, Some(137))))], &scene(41));
    assert!(trouble_of(&vigil, "beat", 41).is_some());
    let silent = Scene { passed: [None, None], ..scene(60) };
    vigil.look(vec![Container { started_at: Some(at(50)), ..beside(Life::Running, None) }], &silent);
    assert_eq!(trouble_of(&vigil, "beat", 60), None);
}

#[test]
fn what_ended_after_our_own_end_in_order_and_runs_again_is_no_business_of_ours() {
    let again = || vec![container("one", Life::Running, 30, Some(end(25, None))), running("two", 0)];
    let mut ended_in_order = vigil().remembered();
    ended_in_order.look(again(), &scene(31));
    assert_eq!(trouble_of(&ended_in_order, "one", 31), None);

    let mut killed = vigil();
    killed.heard_until = Some(at(20));
    let mut killed = killed.remembered();
    killed.look(again(), &scene(31));
    assert!(trouble_of(&killed, "one", 31).is_some(), "nobody else had told of it");
}
