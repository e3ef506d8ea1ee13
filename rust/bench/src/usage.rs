//! CPU and memory of watched processes, read from `/proc`.
//!
//! The scheduler's own figure for each thread (`schedstat`) is exact to the nanosecond; the process's total counts in
//! ticks of 10 ms but includes threads that have ended. Where they agree within that grain the exact one is used. On
//! systems without `/proc` every reading is empty.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{GroupUsage, ThreadUsage};

/// One reading of a set of processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    processes: BTreeMap<u32, Process>,
}

#[derive(Debug, Clone, Default)]
struct Process {
    /// User and system time, threads that ended included.
    total_us: u64,
    threads: BTreeMap<u32, Thread>,
    rss_kb: u64,
    highest_kb: u64,
}

#[derive(Debug, Clone)]
struct Thread {
    name: String,
    cpu_us: u64,
}

impl Reading {
    /// Read `pids` and their descendants; those that are gone are left out.
    pub(crate) fn take(pids: &[u32]) -> Self {
        let processes =
            with_descendants(pids).into_iter().filter_map(|pid| Some((pid, Process::read(pid)?))).collect();
        Self { processes }
    }

    /// Read one process without its children.
    pub(crate) fn take_only(pid: u32) -> Self {
        Self { processes: Process::read(pid).map(|process| (pid, process)).into_iter().collect() }
    }

    /// Resident memory of all.
    pub(crate) fn rss_kb(&self) -> u64 {
        self.processes.values().map(|process| process.rss_kb).sum()
    }

    /// What was used since `before`. A process or thread that is new since then counts from zero; a process that has
    /// ended since then is not counted.
    pub(crate) fn since(&self, before: &Self, rss_peak_kb: u64) -> Option<GroupUsage> {
        if self.processes.is_empty() {
            return None;
        }
        let mut usage = GroupUsage {
            processes: self.processes.len() as u64,
            rss_start_kb: before.rss_kb(),
            rss_end_kb: self.rss_kb(),
            rss_peak_kb: rss_peak_kb.max(self.rss_kb()).max(before.rss_kb()),
            rss_highest_kb: self.processes.values().map(|process| process.highest_kb).sum(),
            ..GroupUsage::default()
        };
        let nothing = Process::default();
        for (pid, now) in &self.processes {
            let then = before.processes.get(pid).unwrap_or(&nothing);
            let mut of_threads = 0;
            for (tid, thread) in &now.threads {
                let cpu_us =
                    thread.cpu_us.saturating_sub(then.threads.get(tid).map_or(0, |thread| thread.cpu_us));
                of_threads += cpu_us;
                let group = usage.threads.entry(prefix(&thread.name).to_owned()).or_default();
                *group = ThreadUsage { threads: group.threads + 1, cpu_us: group.cpu_us + cpu_us };
            }
            let total = now.total_us.saturating_sub(then.total_us);
            usage.cpu_us += if total > of_threads + 2 * tick_us() { total } else { of_threads };
        }
        Some(usage)
    }
}

/// `fg-engine` of `fg-engine-12`.
fn prefix(name: &str) -> &str {
    name.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(['-', '_', '#', ':', ' '])
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = Stat::read(&format!("/proc/{pid}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let kb = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_ascii_whitespace().next()?.parse().ok()
        };
        let mut threads = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
            let folder = entry.path();
            let tid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let name = std::fs::read_to_string(folder.join("comm")).ok();
            if let (Some(tid), Some(name)) = (tid, name) {
                let exact = std::fs::read_to_string(folder.join("schedstat")).ok();
                let cpu_us = exact
                    .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                    .map(|nanos| nanos / 1000)
                    .or_else(|| Stat::read(folder.join("stat").to_str()?).map(|stat| stat.cpu_us));
                threads.insert(tid, Thread { name: name.trim_end().to_owned(), cpu_us: cpu_us.unwrap_or(0) });
            }
        }
        Some(Self {
            total_us: stat.cpu_us,
            threads,
            rss_kb: kb("VmRSS:").unwrap_or(0),
            highest_kb: kb("VmHWM:").unwrap_or(0),
        })
    }
}

struct Stat {
    parent: u32,
    cpu_us: u64,
}

impl Stat {
    fn read(path: &str) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    /// The name, second in the line, may hold spaces and parentheses: fields are counted after its end.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            cpu_us: (number(11)? + number(12)?) * tick_us(),
        })
    }
}

fn with_descendants(pids: &[u32]) -> BTreeSet<u32> {
    let mut found: BTreeSet<u32> = pids.iter().copied().collect();
    let Ok(entries) = std::fs::read_dir("/proc") else { return found };
    let parents: Vec<(u32, u32)> = entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, Stat::read(&format!("/proc/{pid}/stat"))?.parent))
        })
        .collect();
    loop {
        let before = found.len();
        for (pid, parent) in &parents {
            if found.contains(parent) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[cfg(target_os = "linux")]
fn tick_us() -> u64 {
    1_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(not(target_os = "linux"))]
fn tick_us() -> u64 {
    10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_grouped_by_prefix() {
        for (name, group) in [
            ("fg-engine-12", "fg-engine"),
            ("fg-mock-0", "fg-mock"),
            ("python", "python"),
            ("tokio-rt", "tokio-rt"),
        ] {
            assert_eq!(prefix(name), group);
        }
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 9 9 20 0 1 0 5 6 7";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.parent, stat.cpu_us), (7, 200 * tick_us()));
    }

    #[test]
    fn a_difference_counts_new_threads_whole_and_ended_ones_in_the_total() {
        let thread = |name: &str, cpu_us| Thread { name: name.into(), cpu_us };
        let process = |total_us, threads: Vec<(u32, Thread)>| Process {
            total_us,
            threads: threads.into_iter().collect(),
            rss_kb: total_us / 1000,
            highest_kb: 900,
        };
        let before = process(100_000, vec![(1, thread("main", 60_000)), (2, thread("fg-engine-0", 40_000))]);
        let after = process(
            1_000_000,
            vec![
                (1, thread("main", 70_000)),
                (2, thread("fg-engine-0", 340_000)),
                (3, thread("fg-engine-1", 200_000)),
            ],
        );
        let reading = |process| Reading { processes: [(5, process)].into() };
        let usage = reading(after).since(&reading(before), 700).unwrap();
        assert_eq!(usage.threads["fg-engine"], ThreadUsage { threads: 2, cpu_us: 500_000 });
        assert_eq!(usage.threads["main"], ThreadUsage { threads: 1, cpu_us: 10_000 });
        // 900 ms in all, of which 510 ms in threads that still live.
        assert_eq!(usage.cpu_us, 900_000);
        assert_eq!((usage.rss_start_kb, usage.rss_peak_kb, usage.rss_end_kb), (100, 1000, 1000));
        assert!(Reading::default().since(&Reading::default(), 0).is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_read_by_thread() {
        let pid = std::process::id();
        let (told, hold) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
        let before = Reading::take(&[pid]);
        let worker = std::thread::Builder::new()
            .name("fg-probe-7".into())
            .spawn(move || {
                let mut sum = 0_u64;
                for value in 0..20_000_000_u64 {
                    sum = std::hint::black_box(sum.wrapping_add(value));
                }
                told.0.send(()).unwrap();
                let _released = hold.1.recv();
                sum
            })
            .unwrap();
        told.1.recv().unwrap();
        let usage = Reading::take(&[pid]).since(&before, 0).unwrap();
        drop(hold.0);
        worker.join().unwrap();
        assert!(usage.threads["fg-probe"].cpu_us > 0, "{usage:?}");
        assert!(usage.cpu_us >= usage.threads["fg-probe"].cpu_us);
        assert!(usage.rss_end_kb > 100);
    }
}
