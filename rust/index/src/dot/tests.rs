use super::{Kernel, LINE, Line, plain};
use proptest::collection::vec;
use proptest::prelude::*;

fn lines(bytes: &[i8]) -> Vec<Line> {
    bytes.as_chunks::<LINE>().0.iter().map(|&line| Line(line)).collect()
}

fn kernels() -> Vec<Kernel> {
    vec![plain::KERNEL, Kernel::detect()]
}

fn expected(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
}

#[test]
fn extremes_do_not_saturate() {
    for (left, right) in [(127, 127), (-127, 127), (127, -127), (-127, -127)] {
        let (left, right) = ([left; 2048], [right; 2048]);
        for kernel in kernels() {
            assert_eq!((kernel.one)(&lines(&left), &lines(&right)), expected(&left, &right));
        }
    }
}

fn bytes(lines: usize) -> impl Strategy<Value = Vec<i8>> {
    vec(-127_i8..=127, LINE * lines)
}

proptest! {
    #[test]
    fn all_kernels_agree(
        (query, rows) in (1_usize..9, 0_usize..6).prop_flat_map(|(size, rows)| (bytes(size), vec(bytes(size), rows)))
    ) {
        let expected: Vec<_> = rows.iter().map(|row| expected(&query, row)).collect();
        let block = lines(&rows.concat());
        for kernel in kernels() {
            let mut products = vec![0; rows.len()];
            (kernel.many)(&lines(&query), &block, &mut products);
            prop_assert_eq!(&products, &expected);
            for (row, expected) in rows.iter().zip(&expected) {
                prop_assert_eq!((kernel.one)(&lines(&query), &lines(row)), *expected);
            }
        }
    }
}
