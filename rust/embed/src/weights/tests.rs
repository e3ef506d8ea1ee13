use super::Weights;

/// A file of this header and these bytes behind it.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn error(header: &str, data: &[u8]) -> String {
    Weights::read_from(file(header, data).as_slice()).unwrap_err().to_string()
}

const TWO: &str = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},
"ids":{"dtype":"I16","shape":[2],"data_offsets":[0,4]}}"#;

#[test]
fn tensors_are_found_by_name_and_shape() {
    let data = [&[9; 4][..], &1.5_f32.to_le_bytes(), &(-2_f32).to_le_bytes()].concat();
    let mut weights = Weights::read_from(file(TWO, &data).as_slice()).unwrap();
    assert!(weights.take("ids", &[2]).unwrap_err().contains("ids"), "of another type");
    assert!(weights.take("b", &[1, 2]).unwrap_err().contains("expected [1, 2]"));
    let mut weights = Weights::read_from(file(TWO, &data).as_slice()).unwrap();
    assert_eq!(weights.take("b", &[2]).unwrap(), [1.5, -2.0]);
    assert!(weights.take("b", &[2]).is_err(), "taken out");
}

#[test]
fn the_hash_is_that_of_the_whole_file() {
    use sha2::{Digest, Sha256};
    let data = [&[9; 12][..], b"and what no tensor covers"].concat();
    let bytes = file(TWO, &data);
    let wanted = super::hexadecimal(&Sha256::digest(&bytes));
    assert_eq!(wanted.len(), 64);
    assert_eq!(Weights::read_from(bytes.as_slice()).unwrap().sha256, wanted);
}

#[test]
fn broken_files_are_refused() {
    let entry = |shape: &str, offsets: &str| {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    assert!(error(&entry("[2]", "[4,12]"), &[0; 12]).contains("not where"), "a gap");
    assert!(error(&entry("[2]", "[8,0]"), &[0; 12]).contains("not where"), "backwards");
    assert!(error(&entry("[3]", "[0,8]"), &[0; 12]).contains("size"));
    assert!(error(&entry("[18446744073709551615,8]", "[0,8]"), &[0; 12]).contains("size"));
    assert!(error("{", &[]).contains("EOF"));
    let cut = Weights::read_from(file(&entry("[2]", "[0,8]"), &[0; 7]).as_slice());
    assert_eq!(cut.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    let huge = entry("[1099511627776]", "[0,4398046511104]");
    assert!(Weights::read_from(file(&huge, &[0; 8]).as_slice()).is_err(), "it is not allocated first");
    let page = Weights::read_from(&b"<!DOCTYPE html><html></html>"[..]);
    assert!(page.unwrap_err().to_string().contains("not a safetensors file"));
}
