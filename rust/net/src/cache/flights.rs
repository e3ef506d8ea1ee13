//! Calls that run, by what they ask for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ferrogate_core::cache::key::Key;

use super::flight::{Flight, Rider};

/// Answers of one key differ in their form.
type Named = (Key, bool);

/// The calls that others may join.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Named, Weak<Flight>>>);

/// A seat in a call.
pub(crate) enum Boarding {
    /// In one that runs.
    Joined(Rider),
    /// In one that is to be made.
    First(Rider, Arc<Flight>),
}

impl Flights {
    /// A seat in the call for `key`, as a stream or not.
    pub(crate) fn board(&self, key: Key, stream: bool) -> Boarding {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = flights.get(&(key, stream)).and_then(Weak::upgrade);
        if let Some(rider) = running.and_then(|flight| flight.board()) {
            return Boarding::Joined(rider);
        }
        let (rider, flight) = first();
        flights.insert((key, stream), Arc::downgrade(&flight));
        Boarding::First(rider, flight)
    }

    /// A seat in a call that nobody joins.
    pub(crate) fn alone() -> Boarding {
        let (rider, flight) = first();
        Boarding::First(rider, flight)
    }

    /// Nobody may join it any more.
    pub(crate) fn forget(&self, key: Key, stream: bool, flight: &Arc<Flight>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(&(key, stream)).is_some_and(|held| Weak::ptr_eq(held, &Arc::downgrade(flight))) {
            flights.remove(&(key, stream));
        }
    }
}

fn first() -> (Rider, Arc<Flight>) {
    let flight = Arc::new(Flight::default());
    let rider = Rider::first(&flight);
    (rider, flight)
}
