//! What is kept of a request's bodies while it runs: their starts, up to a limit, within the budget of all requests.
//!
//! A whole body is kept by reference. What is small, or longer than the limit, is copied instead: a reference would
//! hold all of the buffer that it came in, for a part of it. The chunks of a stream are joined as they go by, in blocks.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

use crate::journal::{Blocks, Held, Kept, Part, Payload, Place, Share};

/// Below this a copy is as cheap as a reference.
const COPY_BELOW: usize = 4096;
/// Longer names of types and codings are nobody's.
const NAME_BYTES: usize = 64;

/// The bodies of one request.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    /// Of each body; none before anybody said, 0 where nothing is kept.
    limit: Option<usize>,
    share: Option<Share>,
    request: Part,
    response: Part,
    /// Of a stream.
    chunks: Option<Box<Blocks>>,
}

impl Capture {
    /// Keep up to `limit` bytes of each body, at the expense of `share`.
    pub(crate) fn begin(&mut self, limit: usize, share: Option<Share>) {
        self.limit = Some(if share.is_some() { limit } else { 0 });
        self.share = share;
    }

    /// The request's body, whole.
    pub(crate) fn request(&mut self, headers: &HeaderMap, body: &Bytes) {
        let kept = self.keep(body);
        self.request = describe(headers, kept);
    }

    /// The answer's body, whole.
    pub(crate) fn answer(&mut self, headers: &HeaderMap, body: &Bytes) {
        let kept = self.keep(body);
        self.response = describe(headers, kept);
    }

    /// The answer's headers, where its body comes in chunks.
    pub(crate) fn answer_begins(&mut self, headers: &HeaderMap) {
        if self.is_on() {
            self.response = describe(headers, Part::default());
        }
    }

    /// One more chunk of the answer went to the client.
    pub(crate) fn chunk(&mut self, data: &[u8]) {
        let Some(limit) = self.limit else { return };
        let part = &mut self.response;
        if limit == 0 || part.truncated || part.shed || data.is_empty() {
            return;
        }
        let Some(share) = &mut self.share else { return };
        let chunks = self.chunks.get_or_insert_default();
        let fits = &data[..data.len().min(limit - chunks.len())];
        let found_room = chunks.push(fits, limit, share);
        part.truncated = fits.len() < data.len() || !(found_room || chunks.is_empty());
        part.shed = chunks.is_empty();
    }

    /// What the row says, and what goes with it.
    pub(crate) fn finish(&mut self, request_id: [u8; 26]) -> (Place, Option<Box<Payload>>) {
        match self.limit {
            None => return (Place::none(Kept::Nothing), None),
            Some(0) => return (Place::none(Kept::Off), None),
            Some(_) => {}
        }
        let Some(share) = self.share.take() else { return (Place::none(Kept::Nothing), None) };
        if let Some(chunks) = self.chunks.take() {
            self.response.bytes = Held::Blocks(chunks);
        }
        let (request, response) = (std::mem::take(&mut self.request), std::mem::take(&mut self.response));
        let payload = Payload { request_id, request, response, share };
        let place = Place::none(payload.kept());
        (place, payload.has_bytes().then(|| Box::new(payload)))
    }

    /// How many bytes of a body are kept.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(0)
    }

    fn is_on(&self) -> bool {
        self.limit.is_some_and(|limit| limit > 0)
    }

    fn keep(&mut self, body: &Bytes) -> Part {
        let length = body.len().min(self.limit.unwrap_or(0));
        if length == 0 {
            return Part::default();
        }
        if !self.share.as_mut().is_some_and(|share| share.grow(length)) {
            return Part { shed: true, ..Part::default() };
        }
        let truncated = length < body.len();
        let copied = truncated || length < COPY_BELOW;
        let bytes = if copied { Bytes::copy_from_slice(&body[..length]) } else { body.clone() };
        Part { bytes: bytes.into(), truncated, ..Part::default() }
    }
}

fn describe(headers: &HeaderMap, part: Part) -> Part {
    let coding = headers.get(CONTENT_ENCODING).map(name).unwrap_or_default();
    let media = headers.get(CONTENT_TYPE).map(name).unwrap_or_default();
    Part { media, coding: if coding == "identity" { "".into() } else { coding }, ..part }
}

/// A media type without its parameters, or a coding; empty where it is none.
fn name(value: &HeaderValue) -> Cow<'static, str> {
    let whole = value.as_bytes();
    let name = whole.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    match name {
        b"application/json" => "application/json".into(),
        b"text/event-stream" => "text/event-stream".into(),
        _ => {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(byte);
            let good = name.len() <= NAME_BYTES && name.iter().all(is_plain);
            let text = if good { String::from_utf8_lossy(name).to_ascii_lowercase() } else { String::new() };
            text.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Budget;

    const ID: [u8; 26] = [b'7'; 26];

    fn headers(media: &'static str, coding: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        coding.map(|coding| headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding)));
        headers
    }

    /// A thousand bytes that do not pack.
    fn noise(seed: u64) -> Vec<u8> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..1_000).map(next).collect()
    }

    fn finished(capture: &mut Capture) -> Payload {
        let (place, payload) = capture.finish(ID);
        let payload = payload.unwrap();
        assert_eq!(place.kept, payload.kept());
        *payload
    }

    #[test]
    fn whole_bodies_are_kept_up_to_the_limit() {
        let budget = Budget::new(1 << 20);
        let mut capture = Capture::default();
        capture.begin(10_000, Some(budget.share()));
        let long = Bytes::from(vec![b'q'; 10_001]);
        let fits = Bytes::from(vec![b'a'; 10_000]);
        capture.request(&headers("Application/JSON; charset=utf-8", None), &long);
        capture.answer(&headers("text/plain", Some("gzip")), &fits);
        assert_eq!(budget.held(), 20_000);
        let payload = finished(&mut capture);
        assert_eq!((payload.request.bytes.len(), payload.request.truncated), (10_000, true));
        let Held::Whole(response) = &payload.response.bytes else { panic!("it came whole") };
        assert_eq!((response, payload.response.truncated), (&fits, false));
        assert_eq!(response.as_ptr(), fits.as_ptr(), "by reference");
        assert_eq!(&*payload.request.media, "application/json");
        assert_eq!((&*payload.response.media, &*payload.response.coding), ("text/plain", "gzip"));
        assert_eq!(payload.kept(), Kept::Truncated);
        drop(payload);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn chunks_are_joined_up_to_the_limit() {
        let budget = Budget::new(1 << 20);
        let mut capture = Capture::default();
        capture.begin(3_000, Some(budget.share()));
        capture.answer_begins(&headers("text/event-stream", None));
        (0..10).for_each(|number| capture.chunk(&[b'0' + number; 299]));
        assert!(!capture.response.truncated);
        capture.chunk(&[b'x'; 11]);
        capture.chunk(b"never");
        assert!(budget.held() <= 3_000, "{} held", budget.held());
        let payload = finished(&mut capture);
        assert_eq!((payload.response.bytes.len(), payload.response.truncated), (3_000, true));
        assert!(payload.response.bytes.to_vec().ends_with(b"9xxxxxxxxxx"));
        assert_eq!(&*payload.response.media, "text/event-stream");
    }

    #[test]
    fn what_finds_no_room_is_shed_and_a_stream_keeps_what_it_has() {
        let budget = Budget::new(5_000);
        let mut capture = Capture::default();
        capture.begin(64_000, Some(budget.share()));
        capture.request(&HeaderMap::new(), &Bytes::from(vec![b'q'; 5_001]));
        (0..10).for_each(|number| capture.chunk(&noise(number)));
        assert!(budget.held() <= 5_000);
        let payload = finished(&mut capture);
        assert!(payload.request.shed && payload.request.bytes.is_empty());
        assert!(payload.response.truncated && payload.response.bytes.len() >= 1_000);
        assert_eq!(payload.kept(), Kept::Shed);
        let mut other = Capture::default();
        other.begin(64_000, Some(budget.share()));
        other.chunk(&[b'x'; 5_000]);
        let (place, payload) = other.finish(ID);
        assert_eq!((place.kept, payload.is_none()), (Kept::Shed, true));
    }

    #[test]
    fn nothing_is_kept_where_nobody_asked() {
        let said = |capture: &mut Capture| {
            capture.request(&HeaderMap::new(), &Bytes::from_static(b"body"));
            capture.chunk(b"chunk");
            let (place, payload) = capture.finish(ID);
            assert!(payload.is_none());
            place.kept
        };
        assert_eq!(said(&mut Capture::default()), Kept::Nothing);
        let budget = Budget::new(1_000);
        let mut off = Capture::default();
        off.begin(0, Some(budget.share()));
        assert_eq!(said(&mut off), Kept::Off);
        let mut nowhere = Capture::default();
        nowhere.begin(1_000, None);
        assert_eq!(said(&mut nowhere), Kept::Off);
        let mut empty = Capture::default();
        empty.begin(1_000, Some(budget.share()));
        assert_eq!(empty.finish(ID).0.kept, Kept::Nothing);
    }

    #[test]
    fn a_type_is_a_short_plain_name_or_none() {
        let of = |text: &'static [u8]| name(&HeaderValue::from_bytes(text).unwrap());
        assert_eq!(of(b"multipart/form-data; boundary=secret"), "multipart/form-data");
        assert_eq!(of(b"sk-\xff"), "");
        assert_eq!(of(b"a b"), "");
        assert_eq!(of(&[b'a'; 65]), "");
    }
}
