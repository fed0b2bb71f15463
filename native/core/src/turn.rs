//! Work that several threads do at once but that takes effect in order, such as hashing the chunks
//! of one array.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Error, Result};

/// Raised when one worker fails, so that no other waits for it.
#[derive(Debug, Default)]
pub struct Alarm(AtomicBool);

impl Alarm {
    /// From now on nobody waits.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Was it raised?
    pub fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that is updated once per index, in the order of the indices.
#[derive(Debug)]
pub struct Turns<T> {
    state: Mutex<(usize, T)>,
    moved: Condvar,
}

impl<T> Turns<T> {
    /// Starts before index 0.
    pub fn new(value: T) -> Self {
        Self {
            state: Mutex::new((0, value)),
            moved: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (usize, T)> {
        // A panicking worker raises the alarm; the value is not used after that.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every lower index had its turn, then calls `update`.
    ///
    /// Indices must be handed out in order, each to a thread that will take its turn.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the alarm was raised while waiting.
    pub fn take<R>(
        &self,
        index: usize,
        alarm: &Alarm,
        update: impl FnOnce(&mut T) -> R,
    ) -> Result<R> {
        let mut state = self.lock();
        while state.0 != index {
            if alarm.raised() {
                return Err(Error::Cancelled);
            }
            let wait = self.moved.wait_timeout(state, Duration::from_millis(20));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        let result = update(&mut state.1);
        state.0 += 1;
        self.moved.notify_all();
        Ok(result)
    }

    /// The value, once all turns were taken.
    pub fn into_inner(self) -> T {
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .1
    }
}

/// Runs `work` on `threads` threads, with the tickets `0..count` handed out in order, each once.
/// The first error stops all; a panic counts as one.
///
/// # Errors
/// The error of the first worker that failed for a reason of its own.
pub fn run_tickets<S>(
    threads: usize,
    count: usize,
    alarm: &Alarm,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<()> + Sync,
) -> Result<()> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;

    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let worker = || {
        let mut scratch = start();
        while !alarm.raised() {
            let ticket = next.fetch_add(1, Ordering::Relaxed);
            if ticket >= count {
                break;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut scratch, ticket)))
                .unwrap_or_else(|panic| Err(Error::Internal(panic_text(&*panic))));
            if let Err(error) = outcome {
                let mut slot = failure.lock().unwrap_or_else(PoisonError::into_inner);
                if slot.is_none() && !(alarm.raised() && matches!(error, Error::Cancelled)) {
                    *slot = Some(error);
                }
                alarm.raise();
            }
        }
    };
    let helpers = threads.clamp(1, count.max(1)) - 1;
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(worker);
        }
        worker();
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None if alarm.raised() => Err(Error::Cancelled),
        None => Ok(()),
    }
}

/// As [`run_tickets`], with the results of `work` in the order of the tickets.
///
/// # Errors
/// As there.
pub fn map_tickets<S, T: Send>(
    threads: usize,
    count: usize,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let done = Mutex::new(Vec::with_capacity(count));
    run_tickets(
        threads,
        count,
        &Alarm::default(),
        start,
        |scratch, ticket| {
            let result = work(scratch, ticket)?;
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((ticket, result));
            Ok(())
        },
    )?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(ticket, _)| *ticket);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// The message of a caught panic.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_in_order() {
        let alarm = Alarm::default();
        let turns = Turns::new(Vec::new());
        run_tickets(
            4,
            200,
            &alarm,
            || (),
            |(), i| turns.take(i, &alarm, |list| list.push(i)),
        )
        .unwrap();
        assert_eq!(turns.into_inner(), (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn one_failure_stops_all_and_is_the_one_reported() {
        let alarm = Alarm::default();
        let turns = Turns::new(());
        let result = run_tickets(
            4,
            200,
            &alarm,
            || (),
            |(), i| match i {
                17 => Err(Error::Internal("seventeen".into())),
                20 => panic!("a later one"),
                _ => turns.take(i, &alarm, |()| ()),
            },
        );
        assert!(matches!(result, Err(Error::Internal(text)) if text == "seventeen"));
    }

    #[test]
    fn results_are_in_the_order_of_the_tickets() {
        let squares = map_tickets(4, 200, || (), |(), i| Ok(i * i)).unwrap();
        assert_eq!(squares, (0..200).map(|i| i * i).collect::<Vec<_>>());
        let failed = map_tickets(
            4,
            200,
            || (),
            |(), i| match i {
                17 => Err(Error::Internal("seventeen".into())),
                _ => Ok(i),
            },
        );
        assert!(matches!(failed, Err(Error::Internal(text)) if text == "seventeen"));
        assert!(map_tickets(4, 0, || (), |(), i| Ok(i)).unwrap().is_empty());
    }

    #[test]
    fn a_panic_is_an_error() {
        let alarm = Alarm::default();
        let result = run_tickets(
            2,
            3,
            &alarm,
            || (),
            |(), i| if i == 1 { panic!("boom") } else { Ok(()) },
        );
        assert!(matches!(result, Err(Error::Internal(text)) if text == "boom"));
    }
}
