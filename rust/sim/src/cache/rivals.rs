//! The policies that the store is measured by.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::Trace;

pub(super) fn recency(trace: &Trace, bytes: usize, warm: usize) -> usize {
    let (mut by_time, mut at_time) = (BTreeMap::new(), HashMap::new());
    let (mut used, mut hits) = (0, 0);
    for (now, &number) in trace.requests.iter().enumerate() {
        if let Some(before) = at_time.insert(number, now) {
            by_time.remove(&before);
            hits += usize::from(now >= warm);
        } else {
            used += trace.weight(number);
        }
        by_time.insert(now, number);
        while used > bytes
            && let Some((_, oldest)) = by_time.pop_first()
        {
            at_time.remove(&oldest);
            used -= trace.weight(oldest);
        }
    }
    hits
}

#[expect(clippy::cast_precision_loss, reason = "bytes of an entry")]
pub(super) fn size(weight: usize) -> f64 {
    weight as f64
}

/// `cost`: by what a count is divided, of a weight.
pub(super) fn frequency(trace: &Trace, bytes: usize, warm: usize, cost: impl Fn(usize) -> f64) -> usize {
    let mut counts = vec![0u32; trace.weights.len()];
    let mut kept: BTreeSet<(u64, usize, u32)> = BTreeSet::new();
    let mut place: HashMap<u32, (u64, usize, u32)> = HashMap::new();
    let (mut used, mut hits) = (0, 0);
    for (now, &number) in trace.requests.iter().enumerate() {
        let weight = trace.weight(number);
        counts[number as usize] += 1;
        // Floats that are not negative are in the order of their bits.
        let worth = (f64::from(counts[number as usize]) / cost(weight)).to_bits();
        if let Some(old) = place.remove(&number) {
            hits += usize::from(now >= warm);
            kept.remove(&old);
        } else {
            used += weight;
        }
        let new = (worth, now, number);
        kept.insert(new);
        place.insert(number, new);
        while used > bytes
            && let Some(least) = kept.pop_first()
        {
            place.remove(&least.2);
            used -= trace.weight(least.2);
        }
    }
    hits
}

/// A tenth of the bytes for what is new, a memory of what left it, and a main queue that gives second chances.
pub(super) fn queues(trace: &Trace, bytes: usize, warm: usize) -> usize {
    let (mut small, mut main, mut ghosts) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let (mut in_small, mut in_main, mut in_ghosts) = (0, 0, 0);
    let mut is_ghost = vec![false; trace.weights.len()];
    // How often it was found again, up to three; none where it is not there.
    let mut asked: Vec<Option<u8>> = vec![None; trace.weights.len()];
    let mut hits = 0;
    for (now, &number) in trace.requests.iter().enumerate() {
        let weight = trace.weight(number);
        if let Some(asked) = &mut asked[number as usize] {
            hits += usize::from(now >= warm);
            *asked = (*asked + 1).min(3);
            continue;
        }
        asked[number as usize] = Some(0);
        if std::mem::take(&mut is_ghost[number as usize]) {
            main.push_back(number);
            in_main += weight;
        } else {
            small.push_back(number);
            in_small += weight;
        }
        while in_small + in_main > bytes {
            if (in_small > bytes / 10 || main.is_empty())
                && let Some(oldest) = small.pop_front()
            {
                let weight = trace.weight(oldest);
                in_small -= weight;
                if asked[oldest as usize].is_some_and(|asked| asked > 0) {
                    asked[oldest as usize] = Some(0);
                    main.push_back(oldest);
                    in_main += weight;
                } else {
                    asked[oldest as usize] = None;
                    is_ghost[oldest as usize] = true;
                    ghosts.push_back(oldest);
                    in_ghosts += weight;
                    while in_ghosts > bytes * 9 / 10
                        && let Some(ghost) = ghosts.pop_front()
                    {
                        is_ghost[ghost as usize] = false;
                        in_ghosts -= trace.weight(ghost);
                    }
                }
            } else if let Some(oldest) = main.pop_front() {
                if let Some(more @ 1..) = asked[oldest as usize] {
                    asked[oldest as usize] = Some(more - 1);
                    main.push_back(oldest);
                } else {
                    asked[oldest as usize] = None;
                    in_main -= trace.weight(oldest);
                }
            }
        }
    }
    hits
}
