#![expect(clippy::cast_precision_loss, reason = "the numbers are small")]

use super::{Kernel, Left, Norm, PANEL, Panels, Start, pack, padded};

fn kernels() -> Vec<Kernel> {
    let mut kernels = vec![Kernel::portable()];
    if Kernel::best().name() != kernels[0].name() {
        kernels.push(Kernel::best());
    }
    kernels
}

/// Numbers between -1 and 1, the same each time.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn assert_near(found: &[f32], wanted: &[f64], within: f64, what: &str) {
    assert_eq!(found.len(), wanted.len());
    for (at, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        assert!((f64::from(found) - wanted).abs() < within, "{what}: {found} at {at}, expected {wanted}");
    }
}

#[test]
fn products_are_those_of_the_definition() {
    // Depths around the block of 192, rows around the tile of 6, columns that do not fill a panel.
    for (rows, depth, columns) in
        [(1, 1, 1), (5, 32, 16), (6, 192, 48), (7, 193, 33), (13, 384, 100), (16, 400, 16), (31, 7, 31)]
    {
        let (a, b) = (numbers(rows * depth, 1), numbers(columns * depth, 2));
        let bias = numbers(padded(columns), 3);
        let panels = Panels::from_transposed(&b, depth);
        let dot = |row: usize, column: usize| -> f64 {
            let (a, b) = (&a[row * depth..][..depth], &b[column * depth..][..depth]);
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        for kernel in kernels() {
            let width = padded(columns);
            let left = Left { data: &a, rows, depth, stride: depth };
            let mut out = vec![f32::NAN; rows * width];
            kernel.product(left, panels.data(), Start::Bias(&bias), &mut out, width);
            for row in 0..rows {
                let wanted: Vec<f64> = (0..columns).map(|c| dot(row, c) + f64::from(bias[c])).collect();
                assert_near(&out[row * width..][..columns], &wanted, 1e-4, kernel.name());
            }
        }
    }
}

#[test]
fn rows_may_be_apart_on_both_sides() {
    let (rows, depth, stride) = (9, 200, 230);
    let (a, b) = (numbers(rows * stride, 4), numbers(depth * stride, 5));
    let mut panels = vec![0.0; depth * 2 * PANEL];
    pack(&b, stride, depth, &mut panels);
    for kernel in kernels() {
        let mut out = vec![7.0; rows * 40];
        kernel.product(Left { data: &a, rows, depth, stride }, &panels, Start::Zero, &mut out, 40);
        for row in 0..rows {
            for column in 0..32 {
                let product = |k: usize| f64::from(a[row * stride + k]) * f64::from(b[k * stride + column]);
                let wanted: f64 = (0..depth).map(product).sum();
                assert_near(&out[row * 40 + column..][..1], &[wanted], 1e-4, kernel.name());
            }
            assert_eq!(out[row * 40 + 32..][..8], [7.0; 8], "what lies between rows is left alone");
        }
    }
}

#[test]
fn normalised_rows_have_the_mean_and_spread_of_the_scale() {
    let width = 384;
    let (x, y) = (numbers(2 * width, 6), numbers(2 * width, 7));
    let (scale, shift) = (numbers(width, 8), numbers(width, 9));
    let mut wanted = Vec::new();
    for row in 0..2 {
        let sum: Vec<f64> =
            (0..width).map(|c| f64::from(x[row * width + c]) + f64::from(y[row * width + c])).collect();
        let mean = sum.iter().sum::<f64>() / width as f64;
        let variance = sum.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / width as f64;
        let one = |c: usize| {
            (sum[c] - mean) / (variance + 1e-12).sqrt() * f64::from(scale[c]) + f64::from(shift[c])
        };
        wanted.extend((0..width).map(one));
    }
    for kernel in kernels() {
        let mut out = x.clone();
        kernel.add_norm(&mut out, &y, &Norm { scale: &scale, shift: &shift, epsilon: 1e-12 });
        assert_near(&out, &wanted, 2e-6, kernel.name());
    }
}

#[test]
fn gelu_is_the_exact_one() {
    let xs: Vec<f32> = (-1200..=1200).map(|step| step as f32 / 100.0).chain([-100.0, 100.0, -0.0]).collect();
    let wanted: Vec<f64> =
        xs.iter().map(|&x| f64::from(x) * 0.5 * (1.0 + erf(f64::from(x) / 2_f64.sqrt()))).collect();
    for kernel in kernels() {
        let mut out = xs.clone();
        kernel.gelu(&mut out);
        for ((&found, &wanted), &x) in out.iter().zip(&wanted).zip(&xs) {
            let within = 1e-6 * f64::from(x.abs()).max(1.0);
            assert_near(&[found], &[wanted], within, kernel.name());
        }
    }
}

/// Its power series, and one beyond 5.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

#[test]
fn shares_add_up_and_what_fills_a_row_up_gets_none() {
    let (width, count) = (32, 19);
    let x: Vec<f32> = numbers(3 * width, 10).iter().map(|value| value * 60.0).collect();
    let mut wanted = vec![0.0; x.len()];
    for (wanted, row) in wanted.chunks_mut(width).zip(x.chunks(width)) {
        let sum: f64 = row[..count].iter().map(|&value| f64::from(value).exp()).sum();
        for (wanted, &value) in wanted.iter_mut().zip(&row[..count]) {
            *wanted = f64::from(value).exp() / sum;
        }
    }
    for kernel in kernels() {
        let mut out = x.clone();
        kernel.softmax(&mut out, width, count);
        assert_near(&out, &wanted, 1e-6, kernel.name());
    }
}

#[test]
fn equal_scores_share_equally_however_large() {
    for kernel in kernels() {
        for score in [-3e4, 0.0, 3e4] {
            let mut out = vec![score; 16];
            kernel.softmax(&mut out, 16, 4);
            assert_near(&out[..5], &[0.25, 0.25, 0.25, 0.25, 0.0], 1e-6, kernel.name());
        }
    }
}
