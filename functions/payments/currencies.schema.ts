/**
 * How many digits of a currency stand behind the point, by that number: ISO 4217, list one of 2025-05-12, as in sql/017_payments.sql,
 * which is what counts; a test holds the two equal.
 */
const byExponent: Record<number, string> = {
  0: 'bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf',
  2: `aed afn all amd aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob bov brl bsd btn bwp byn bzd cad cdf che chf chw cny cop cou crc
    cup cve czk dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gtq gyd hkd hnl htg huf idr ils inr irr jmd kes kgs khr kpw
    kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mru mur mvr mwk mxn mxv myr mzn nad ngn nio nok npr nzd pab pen pgk php
    pkr pln qar ron rsd rub sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt top try ttd twd tzs uah usd usn
    uyu uzs ved ves wst xcd xcg yer zar zmw zwg ang cuc hrk sll zwl`,
  3: 'bhd iqd jod kwd lyd omr tnd',
  4: 'clf uyw',
}

/** The exponent of each currency, by its code in lower case. */
export const exponents: ReadonlyMap<string, number> = new Map(
  Object.entries(byExponent).flatMap(([exponent, codes]) => codes.split(/\s+/).map((code): [string, number] => [code, Number(exponent)])),
)
