use proptest::prelude::*;

use super::*;

/// Every way to look that this machine has.
pub(in super::super) fn ways() -> Vec<(&'static str, Look)> {
    let mut ways: Vec<(&str, Look)> = vec![("portable", portable::look)];
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    ways.push(("SSE2", sse2::look));
    #[cfg(target_arch = "x86_64")]
    ways.extend(avx2::detected().map(|look| ("AVX2", look)));
    ways
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// What a look should find, byte by byte: end, special bytes, whether any is beyond ASCII.
fn one_by_one(document: &[u8], from: usize) -> (usize, Vec<usize>, bool) {
    let end = from + BYTES;
    let bytes = &document[from.min(document.len())..end.min(document.len())];
    let special: Vec<_> =
        bytes.iter().enumerate().filter(|(_, byte)| is_special(**byte)).map(|(at, _)| from + at).collect();
    if special.is_empty() && bytes.is_ascii() && end < document.len() {
        return one_by_one(document, end);
    }
    (end, special, !bytes.is_ascii())
}

fn looked(look: Look, document: &[u8], from: usize) -> (usize, Vec<usize>, bool) {
    let mut window = Window::default();
    look(&mut window, document, from);
    let (mut special, mut at) = (Vec::new(), window.start());
    while let Some((found, marks)) = window.find(at) {
        assert_eq!(marks & 1, 1, "the marks begin with what was found");
        special.push(found);
        at = found + 1;
    }
    (window.end, special, window.beyond_ascii)
}

#[test]
fn every_byte_is_marked_rightly_in_every_place() {
    for (name, look) in ways() {
        for around in [b'a', 0x1f, b'"', 0xff] {
            for byte in 0..=255 {
                let mut window = [around; BYTES];
                for at in [0, 1, 7, 8, 15, 16, 31, 32, 62, 63, 64, 130, 254, 255] {
                    window[at] = byte;
                    let found = looked(look, &window, 0);
                    assert_eq!(found, one_by_one(&window, 0), "{name}: {byte:#x} at {at} in {around:#x}");
                    window[at] = around;
                }
            }
        }
    }
}

#[test]
fn what_is_in_front_of_a_place_is_not_found_from_there() {
    let mut window = Window::default();
    look()(&mut window, &[b'"'; 2 * BYTES], 10);
    for at in 10..10 + BYTES {
        assert_eq!(window.find(at).map(|(found, _)| found), Some(at));
        assert_eq!(window.special(at).trailing_ones() as usize, PART - (at - 10) % PART);
    }
    assert_eq!(window.find(10 + BYTES), None);
    assert_eq!(window.special(10 + BYTES), 0);
    assert_eq!(Window::default().find(0), None, "nothing was looked at");
}

proptest! {
    #[test]
    fn every_way_finds_what_a_plain_search_finds(
        bytes in prop::collection::vec(
            prop_oneof![60 => 0x20u8..0x7f, 1 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\')], 0..900,
        ),
        plain in 0usize..600,
        from in 0usize..1000,
    ) {
        let document = [vec![b'x'; plain], bytes].concat();
        let from = from.min(document.len());
        for (name, look) in ways() {
            prop_assert_eq!(looked(look, &document, from), one_by_one(&document, from), "{}", name);
        }
    }
}
