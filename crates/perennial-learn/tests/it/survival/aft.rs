use perennial_learn::survival::aft::{self, Law};
use perennial_learn::survival::flat;
use perennial_learn::survival::subjects::Subjects;

use super::data::{self, near};

/// Covariates of Rossi in the order of the file.
const NAMES: [&str; 7] = ["fin", "age", "race", "wexp", "mar", "paro", "prio"];

struct Golden {
    law: Law,
    log_likelihood: f64,
    peer: f64,
    concordance: f64,
    intercept: [f64; 2],
    /// ln σ: the peer has ln ρ = −ln σ for Weibull and log-logistic.
    ln_sigma: [f64; 2],
    coefficients: [[f64; 2]; 7],
}

/// Estimates and standard errors: Newton's method on the likelihood as written in the book, differentiated by autograd 1.9.1, to a gradient of 1e-11.
/// `peer`, concordance: `WeibullAFTFitter`, `LogNormalAFTFitter`, `LogLogisticAFTFitter().fit(rossi, "week", "arrest")` of lifelines 0.30.3, which
/// stops a little below those maxima (its coefficients are up to 2% of a standard error away).
const GOLDEN: [Golden; 3] = [
    Golden {
        law: Law::Weibull,
        log_likelihood: -679.916_563_937_091_3,
        peer: -679.916_563_947_583_5,
        concordance: 0.640_141_374_289_605_9,
        intercept: [3.990_134_797_20, 0.419_095_189_18],
        ln_sigma: [-0.339_108_240_43, 0.089_026_690_70],
        coefficients: [
            [0.272_163_359_75, 0.137_961_916_85],
            [0.040_713_798_32, 0.016_003_551_08],
            [-0.224_802_443_17, 0.220_158_883_60],
            [0.106_556_586_91, 0.151_540_967_05],
            [0.311_273_264_95, 0.273_302_246_60],
            [0.058_827_252_62, 0.139_638_239_72],
            [-0.065_816_904_82, 0.020_940_575_28],
        ],
    },
    Golden {
        law: Law::LogNormal,
        log_likelihood: -683.234_625_278_391_4,
        peer: -683.234_625_440_850_8,
        concordance: 0.645_237_424_263_773_4,
        intercept: [4.267_665_703_82, 0.461_689_501_66],
        ln_sigma: [0.258_178_536_62, 0.076_435_880_08],
        coefficients: [
            [0.342_847_679_24, 0.164_086_332_14],
            [0.027_201_841_50, 0.015_755_963_37],
            [-0.363_159_958_94, 0.264_691_777_83],
            [0.268_132_061_95, 0.178_889_171_79],
            [0.460_353_374_74, 0.295_148_181_30],
            [0.055_879_376_16, 0.169_111_228_01],
            [-0.065_517_510_14, 0.027_090_658_62],
        ],
    },
    Golden {
        law: Law::LogLogistic,
        log_likelihood: -679.938_411_052_732_1,
        peer: -679.938_506_178_123_6,
        concordance: 0.643_804_894_086_703_3,
        intercept: [3.918_304_143_03, 0.427_434_137_65],
        ln_sigma: [-0.435_200_727_95, 0.086_416_338_51],
        coefficients: [
            [0.288_876_139_39, 0.145_585_226_18],
            [0.036_365_589_10, 0.015_571_924_60],
            [-0.279_149_259_26, 0.229_653_652_19],
            [0.178_423_814_60, 0.157_185_203_17],
            [0.347_303_977_37, 0.269_668_605_51],
            [0.050_798_169_90, 0.149_574_171_38],
            [-0.069_182_244_30, 0.022_741_843_64],
        ],
    },
];

#[test]
fn rossi_gives_what_the_peer_finds_under_every_law() {
    let Some(table) = data::table("rossi.csv", ["week", "arrest"]) else { return };
    let subjects = Subjects::from_table(&table).expect("sound rows");
    for golden in GOLDEN {
        let fit = aft::fit(&subjects, golden.law, 2).expect("a fit");
        assert_eq!(fit.names, NAMES);
        near(fit.log_likelihood, golden.log_likelihood, 1e-9);
        assert!((0.0..1e-4).contains(&(fit.log_likelihood - golden.peer)), "{} beside {}", fit.log_likelihood, golden.peer);
        near(fit.concordance.expect("pairs"), golden.concordance, 1e-3);
        near(fit.intercept, golden.intercept[0], 1e-7);
        near(fit.standard_errors[0], golden.intercept[1], 1e-7);
        near(libm::log(fit.sigma), golden.ln_sigma[0], 1e-7);
        near(fit.standard_errors[8] / fit.sigma, golden.ln_sigma[1], 1e-7);
        for (at, [coefficient, error]) in golden.coefficients.into_iter().enumerate() {
            near(fit.coefficients[at], coefficient, 1e-7);
            near(fit.standard_errors[at + 1], error, 1e-7);
        }
    }
    let summary = flat::aft(&table).expect("a fit");
    assert_eq!(summary.extra["distribution"], "weibull");
    near(summary.extra["aic"].as_f64().expect("a number"), 1_377.833_127_895_167, 1e-7);
    let keys: Vec<_> = summary.parameters.keys().map(String::as_str).collect();
    assert_eq!(keys, ["intercept", "fin", "age", "race", "wexp", "mar", "paro", "prio", "sigma"]);
}

/// The quantile of each law's error at the tail probability e^(−e).
fn error(law: Law, e: f64) -> f64 {
    match law {
        Law::Weibull => libm::log(e),
        Law::LogLogistic => libm::log(libm::expm1(e)),
        Law::LogNormal => {
            // P(Z > z) = e^(−e) by bisection; simulation may be slow.
            let (mut low, mut high) = (-9.0, 9.0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                let tail = 0.5 * libm::erfc(middle / std::f64::consts::SQRT_2);
                if tail > libm::exp(-e) { low = middle } else { high = middle }
            }
            low
        }
    }
}

#[test]
fn simulated_parameters_come_back_the_law_is_found_and_threads_change_no_bit() {
    for law in Law::ALL {
        let subjects = data::lives(20_000, 60.0, 0.0, |[a, b, flag], e| {
            libm::exp(3.0 + 0.4 * a - 0.1 * b + 0.5 * flag + 0.7 * error(law, e))
        });
        let fits = aft::fit_all(&subjects, 1).expect("fits");
        let again = aft::fit_all(&subjects, 2).expect("fits");
        assert_eq!(fits, again);
        assert_eq!(fits.len(), 3);
        let fit = &fits[0];
        assert_eq!(fit.law, law);
        let is: Vec<f64> = [fit.intercept].iter().chain(&fit.coefficients).chain([&fit.sigma]).copied().collect();
        for ((is, se), truth) in is.iter().zip(&fit.standard_errors).zip([3.0, 0.4, -0.1, 0.5, 0.7]) {
            assert!((is - truth).abs() < 4.0 * se && *se < 0.05, "{law:?}: {is} ± {se} instead of {truth}");
        }
        let x = [0.3, 4.0, 1.0];
        near(fit.survival(&x, fit.median(&x)), 0.5, 1e-9);
    }
}
