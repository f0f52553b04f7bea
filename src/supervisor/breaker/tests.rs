//! The edges of the circuit breaker. What it does over all is compared with a model in `tests/neverhang`.

use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;
const TIMEOUT: Verdict = Verdict::Fault("daemon_timeout");

fn breaker() -> Breaker {
    Breaker::new(3, S(60), S(300))
}

fn fault(b: &mut Breaker, at: Duration) {
    let ticket = b.admit(at).unwrap();
    b.settle(at, ticket, TIMEOUT);
}

fn opened() -> Breaker {
    let mut b = breaker();
    (0..3).for_each(|at| fault(&mut b, S(at)));
    b
}

fn half_open() -> Breaker {
    let mut b = opened();
    (3..5).for_each(|at| b.probed(S(at), Ok(())));
    assert_eq!(b.state(), "half_open");
    b
}

#[test]
fn opens_at_the_third_fault_within_the_window() {
    let mut b = breaker();
    fault(&mut b, S(0));
    fault(&mut b, S(1));
    assert_eq!((b.state(), b.take_change()), ("closed", None));
    assert_eq!(b.last_error(S(1)), Some("daemon_timeout"));
    fault(&mut b, S(60));
    let cause = "daemon_timeout";
    assert_eq!(b.take_change(), Some(Transition { from: "closed", to: "open", cause }));
    assert_eq!(b.take_change(), None, "told once");
    let refused = b.admit(S(61)).unwrap_err();
    assert_eq!(refused, Refused { after: S(299), opened_ago: S(1), last_error: cause, probes_failed: 0 });
}

#[test]
fn old_faults_do_not_count() {
    let mut b = breaker();
    fault(&mut b, S(0));
    fault(&mut b, S(1));
    fault(&mut b, Duration::from_millis(61_001));
    assert_eq!(b.state(), "closed");
    assert_eq!(b.failures(Duration::from_millis(61_001)), 1);
    assert_eq!(b.last_error(S(200)), None);
}

#[test]
fn a_storm_of_faults_is_not_remembered_one_by_one() {
    let mut b = Breaker::new(5, S(1), S(1));
    for at in 0..10_000 {
        if let Ok(ticket) = b.admit(S(at / 2)) {
            b.settle(S(at / 2), ticket, TIMEOUT);
        }
        assert!(b.faults.len() <= 5);
    }
    assert!(b.faults.capacity() <= 16);
}

#[test]
fn half_open_lets_exactly_one_through_and_takes_a_dropped_trial_back() {
    let mut b = half_open();
    let trial = b.admit(S(10)).unwrap();
    assert_eq!(b.admit(S(10)).unwrap_err().after, TRIAL_WAIT);
    b.settle(S(11), trial, Verdict::Neutral);
    let trial = b.admit(S(12)).unwrap();
    b.settle(S(12), trial, Verdict::Good);
    assert_eq!(b.take_change(), Some(Transition { from: "half_open", to: "closed", cause: "call" }));
    assert_eq!((b.failures(S(12)), b.opened_ago(S(12)), b.last_error(S(12))), (0, None, None));
}

#[test]
fn what_began_before_the_change_does_not_count() {
    let mut b = breaker();
    let (early, late) = (b.admit(S(0)).unwrap(), b.admit(S(0)).unwrap());
    (0..3).for_each(|at| fault(&mut b, S(at)));
    b.settle(S(3), early, Verdict::Good);
    assert_eq!(b.state(), "open");
    b.reset();
    b.settle(S(4), late, TIMEOUT);
    assert_eq!((b.state(), b.failures(S(4))), ("closed", 0));
}

#[test]
fn a_failed_trial_opens_again_and_the_outage_goes_on() {
    let mut b = opened();
    let trial = b.admit(S(302)).unwrap();
    assert_eq!(b.take_change().unwrap().cause, "cooldown");
    b.settle(S(303), trial, Verdict::Fault("daemon_protocol"));
    assert_eq!(b.retry_after(S(303)), Some(S(300)));
    assert_eq!(b.opened_ago(S(303)), Some(S(301)));
    assert_eq!(b.last_error(S(303)), Some("daemon_protocol"));
}

#[test]
fn two_good_probes_in_a_row_try_a_call_early_and_close_nothing() {
    let mut b = opened();
    b.probed(S(4), Ok(()));
    b.probed(S(5), Err("daemon_timeout"));
    b.probed(S(6), Ok(()));
    assert_eq!((b.state(), b.probes_failed()), ("open", 1));
    b.probed(S(7), Ok(()));
    assert_eq!(b.take_change().map(|t| (t.to, t.cause)), Some(("half_open", "probes")));
    (8..20).for_each(|at| b.probed(S(at), Ok(())));
    assert_eq!(b.state(), "half_open", "a real call closes");
}

#[test]
fn without_early_recovery_the_cooldown_is_literal() {
    let mut b = breaker().early_recovery(false);
    (0..3).for_each(|at| fault(&mut b, S(at)));
    (3..300).for_each(|at| b.probed(S(at), Ok(())));
    assert_eq!(b.admit(S(301)).unwrap_err().after, S(1));
    assert!(b.admit(S(302)).is_ok());
}

#[test]
fn after_three_trials_that_said_nothing_a_probe_decides() {
    for (probe, state) in [(Ok(()), "closed"), (Err("daemon_unreachable"), "open")] {
        let mut b = half_open();
        for at in 10..13 {
            assert!(!b.wants_probe(S(at)));
            let trial = b.admit(S(at)).unwrap();
            b.settle(S(at), trial, Verdict::Neutral);
        }
        assert!(b.wants_probe(S(13)));
        let late = b.admit(S(13)).unwrap();
        b.probed(S(14), probe);
        assert_eq!((b.state(), b.wants_probe(S(14))), (state, false));
        // The one that was out meanwhile has no say.
        b.settle(S(15), late, Verdict::Good);
        assert_eq!(b.state(), state);
    }
}

#[test]
fn a_trial_that_never_comes_back_is_given_up() {
    let mut b = half_open();
    let lost = b.admit(S(10)).unwrap();
    assert!(!b.wants_probe(S(25)) && b.admit(S(25)).is_err());
    assert!(b.wants_probe(S(26)));
    let next = b.admit(S(26)).unwrap();
    assert!(b.wants_probe(S(26)), "a probe decides, whoever is tried meanwhile");
    b.settle(S(27), lost, TIMEOUT);
    assert_eq!(b.state(), "half_open", "its say was given away with its place");
    b.settle(S(27), next, Verdict::Good);
    assert_eq!(b.state(), "closed");
}

#[test]
fn a_person_closes_it() {
    for mut b in [opened(), half_open()] {
        let from = b.state();
        b.take_change();
        b.reset();
        assert_eq!(b.take_change(), Some(Transition { from, to: "closed", cause: "operator" }));
        assert!(b.admit(S(5)).is_ok());
        assert_eq!(b.failures(S(5)), 0);
    }
    let mut b = breaker();
    b.reset();
    assert_eq!(b.take_change(), None);
}
