//! Request ids: ULIDs, so that they sort by time and an index over them grows at its end.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 48 bits of Unix milliseconds and 80 random bits in Crockford's base 32.
pub(crate) fn request_id(unix_ms: u64, random: (u64, u64)) -> [u8; 26] {
    let value = (u128::from(unix_ms & 0xffff_ffff_ffff) << 80)
        | (u128::from(random.0 & 0xffff) << 64)
        | u128::from(random.1);
    let mut out = [0; 26];
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = ALPHABET[(value >> (125 - 5 * index) & 31) as usize];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_hold_every_bit() {
        assert_eq!(&request_id(0, (0, 0)), b"00000000000000000000000000");
        assert_eq!(&request_id(0, (0, 33)), b"00000000000000000000000011");
        assert_eq!(&request_id(u64::MAX, (u64::MAX, u64::MAX)), b"7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert!(request_id(1, (u64::MAX, u64::MAX)) < request_id(2, (0, 0)));
    }
}
