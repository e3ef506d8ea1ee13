//! `multipart/form-data`, as far as uploads need it (RFC 7578). Each part is a slice of the body.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;

/// One field of a form.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) content: Bytes,
}

/// The fields, or `None` where the body is no form. A body of which only the beginning was kept ends with the part
/// that was reached.
pub(super) fn fields(headers: &HeaderMap, body: &Bytes) -> Option<Vec<Field>> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let parameters = kind.strip_prefix("multipart/form-data")?;
    let boundary = parameter(parameters, "boundary")?;
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut at = memmem::find(body, opening.as_bytes())? + opening.len();
    let mut fields = Vec::new();
    while body[at..].starts_with(b"\r\n") {
        let head_start = at + 2;
        let head_end = head_start + memmem::find(&body[head_start..], b"\r\n\r\n")?;
        let start = head_end + 4;
        let length = memmem::find(&body[start..], delimiter.as_bytes());
        let end = length.map_or(body.len(), |length| start + length);
        let mut field = Field { content: body.slice(start..end), ..Field::default() };
        for line in String::from_utf8_lossy(&body[head_start..head_end]).split("\r\n") {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-disposition") {
                field.name = parameter(value, "name").unwrap_or_default();
                field.filename = parameter(value, "filename");
            }
        }
        fields.push(field);
        if length.is_none() {
            break;
        }
        at = end + delimiter.len();
    }
    Some(fields)
}

/// A parameter of a header's value, quoted or not.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: &str) -> Option<Vec<(String, Option<String>, String)>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        let fields = fields(&headers, &Bytes::from(body.to_owned()))?;
        let text = |content: &Bytes| String::from_utf8(content.to_vec()).unwrap();
        Some(fields.into_iter().map(|f| (f.name, f.filename, text(&f.content))).collect())
    }

    #[test]
    fn fields_and_files_come_apart() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n\
                    content-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
                    one\r\n--two\r\n--b--\r\n";
        let fields = read("multipart/form-data; boundary=\"b\"", body).unwrap();
        assert_eq!(fields[0], ("purpose".into(), None, "batch".into()));
        assert_eq!(fields[1], ("file".into(), Some("a.txt".into()), "one\r\n--two".into()));
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn what_is_no_form_is_none_and_a_torn_form_ends_early() {
        assert!(read("application/json", "{}").is_none());
        assert!(read("multipart/form-data", "--b\r\n").is_none());
        let torn = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhal";
        assert_eq!(read("multipart/form-data; boundary=b", torn).unwrap()[0].2, "hal");
    }
}
