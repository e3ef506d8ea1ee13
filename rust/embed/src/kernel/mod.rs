//! The arithmetic: products of matrices, and what is done to rows between them.
//!
//! Each function is written once, as loops over fixed-width arrays, and compiled twice: for AVX2 with FMA, where
//! the machine that runs this has both, and for what the whole program may use. [`Kernel::best`] chooses. Everything
//! is `f32`; matrices are row by row.

mod lanes;
mod panels;
mod product;
mod rows;

pub(crate) use panels::{PANEL, Panels, pack, pack_transposed, padded};
pub(crate) use product::{Left, Start};

/// Normalise rows: `x = norm(x + y) * scale + shift` over the width of `scale`.
pub(crate) struct Norm<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) epsilon: f32,
}

/// One way to do the arithmetic.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    name: &'static str,
    product: fn(Left<'_>, &[f32], Start<'_>, &mut [f32], usize),
    add_norm: fn(&mut [f32], &[f32], &Norm<'_>),
    gelu: fn(&mut [f32]),
    softmax: fn(&mut [f32], usize, usize),
}

impl Kernel {
    /// The best way that this machine has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(kernel) = avx2::detected() {
            return kernel;
        }
        Self::portable()
    }

    /// The way that every machine has.
    pub(crate) fn portable() -> Self {
        Self {
            name: "portable",
            product: portable::product,
            add_norm: portable::add_norm,
            gelu: portable::gelu,
            softmax: portable::softmax,
        }
    }

    /// What it was compiled for.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// `out = left * right`, where `right` is in panels (see [`Panels`]) and the rows of `out` are `stride` apart.
    pub(crate) fn product(
        &self,
        left: Left<'_>,
        right: &[f32],
        start: Start<'_>,
        out: &mut [f32],
        stride: usize,
    ) {
        (self.product)(left, right, start, out, stride);
    }

    /// Adds `y` to the rows of `x` and normalises them.
    pub(crate) fn add_norm(&self, x: &mut [f32], y: &[f32], norm: &Norm<'_>) {
        (self.add_norm)(x, y, norm);
    }

    /// `x * Φ(x)`, the exact form with the error function, within 1e-6.
    pub(crate) fn gelu(&self, x: &mut [f32]) {
        (self.gelu)(x);
    }

    /// Turns the first `count` of each row of `width` into shares of one, and the rest into zero.
    pub(crate) fn softmax(&self, x: &mut [f32], width: usize, count: usize) {
        (self.softmax)(x, width, count);
    }
}

/// Where a multiplication and an addition are one instruction of every machine of its kind.
const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

mod portable {
    use super::lanes::Plain;
    use super::{FUSED, Left, Norm, Start, product as products, rows};

    pub(super) fn product(left: Left<'_>, right: &[f32], start: Start<'_>, out: &mut [f32], stride: usize) {
        products::product::<Plain>(left, right, start, out, stride);
    }

    pub(super) fn add_norm(x: &mut [f32], y: &[f32], norm: &Norm<'_>) {
        rows::add_norm::<FUSED>(x, y, norm);
    }

    pub(super) fn gelu(x: &mut [f32]) {
        rows::gelu::<FUSED>(x);
    }

    pub(super) fn softmax(x: &mut [f32], width: usize, count: usize) {
        rows::softmax::<FUSED>(x, width, count);
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "AVX2 and FMA have to be detected")]
mod avx2 {
    use super::lanes::avx2::Avx2;
    use super::{Kernel, Left, Norm, Start, product as products, rows};

    pub(super) fn detected() -> Option<Kernel> {
        let both = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        both.then_some(Kernel {
            name: "avx2",
            // SAFETY: these are handed out only here, where there are AVX2 and FMA.
            product: |left, right, start, out, stride| unsafe { product(left, right, start, out, stride) },
            // SAFETY: as above.
            add_norm: |x, y, norm| unsafe { add_norm(x, y, norm) },
            // SAFETY: as above.
            gelu: |x| unsafe { gelu(x) },
            // SAFETY: as above.
            softmax: |x, width, count| unsafe { softmax(x, width, count) },
        })
    }

    #[target_feature(enable = "avx2,fma")]
    fn product(left: Left<'_>, right: &[f32], start: Start<'_>, out: &mut [f32], stride: usize) {
        products::product::<Avx2>(left, right, start, out, stride);
    }

    #[target_feature(enable = "avx2,fma")]
    fn add_norm(x: &mut [f32], y: &[f32], norm: &Norm<'_>) {
        rows::add_norm::<true>(x, y, norm);
    }

    #[target_feature(enable = "avx2,fma")]
    fn gelu(x: &mut [f32]) {
        rows::gelu::<true>(x);
    }

    #[target_feature(enable = "avx2,fma")]
    fn softmax(x: &mut [f32], width: usize, count: usize) {
        rows::softmax::<true>(x, width, count);
    }
}

/// `a * b + c`, in one rounding where that is one instruction.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instructions that its caller may use")]
fn fma<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests;
