# Writes proc.json: what R's pROC says about small data sets with ties, tiny classes and odd shapes.
# Run in this folder: Rscript make_proc.R   (made with R 4.2.2, pROC 1.18.0)
suppressMessages(library(pROC))

number <- function(x) ifelse(is.finite(x), sprintf("%.17g", x), "null")
list_of <- function(x) paste0("[", paste(number(x), collapse = ", "), "]")

answers <- function(name, y, a, b, y2, b2) {
  quiet <- function(x, z) roc(x, z, levels = c(0, 1), direction = "<", quiet = TRUE)
  ra <- quiet(y, a)
  rb <- quiet(y, b)
  r2 <- quiet(y2, b2)
  paired <- suppressWarnings(roc.test(ra, rb, method = "delong", paired = TRUE))
  unpaired <- suppressWarnings(roc.test(ra, r2, method = "delong", paired = FALSE))
  part <- function(r, range, focus, correct) {
    as.numeric(suppressWarnings(auc(r, partial.auc = range, partial.auc.focus = focus,
      partial.auc.correct = correct, allow.invalid.partial.auc.correct = TRUE)))
  }
  ci_a <- suppressWarnings(as.numeric(ci.auc(ra, method = "delong")))
  ci_90 <- suppressWarnings(as.numeric(ci.auc(ra, method = "delong", conf.level = 0.9)))
  fields <- c(
    sprintf("\"name\": \"%s\"", name),
    paste0("\"label\": ", list_of(y)), paste0("\"score_a\": ", list_of(a)), paste0("\"score_b\": ", list_of(b)),
    paste0("\"label_2\": ", list_of(y2)), paste0("\"score_2\": ", list_of(b2)),
    paste0("\"auc\": ", list_of(c(auc(ra), auc(rb), auc(r2)))),
    paste0("\"variance\": ", list_of(c(var(ra, method = "delong"), var(rb, method = "delong"),
      var(r2, method = "delong")))),
    paste0("\"covariance\": ", number(cov(ra, rb, method = "delong"))),
    paste0("\"interval\": ", list_of(ci_a[c(1, 3)])), paste0("\"interval_90\": ", list_of(ci_90[c(1, 3)])),
    paste0("\"paired\": ", list_of(c(paired$statistic, paired$p.value))),
    paste0("\"paired_interval\": ", list_of(paired$conf.int)),
    paste0("\"unpaired\": ", list_of(c(unpaired$statistic, unpaired$parameter, unpaired$p.value))),
    paste0("\"partial_recall_70_95\": ", list_of(c(part(ra, c(0.95, 0.7), "se", FALSE),
      part(ra, c(0.95, 0.7), "se", TRUE)))),
    paste0("\"partial_specificity_50_85\": ", list_of(c(part(ra, c(0.85, 0.5), "sp", FALSE),
      part(ra, c(0.85, 0.5), "sp", TRUE))))
  )
  paste0("{", paste(fields, collapse = ",\n "), "}")
}

set.seed(20240607)
one <- function(name, m, n, shift, digits, m2 = m + 3, n2 = n + 5) {
  y <- sample(rep(c(1, 0), c(m, n)))
  base <- rnorm(m + n)
  a <- round(base + shift * y + rnorm(m + n) / 2, digits)
  b <- round(base + shift * 0.7 * y + rnorm(m + n) / 2, digits)
  y2 <- sample(rep(c(1, 0), c(m2, n2)))
  answers(name, y, a, b, y2, round(rnorm(m2 + n2) + shift * 0.8 * y2, digits))
}
sets <- c(
  one("two positives", 2, 30, 1.0, 6),
  one("two negatives", 25, 2, 1.0, 6),
  one("five and seven", 5, 7, 0.8, 6),
  one("ties, whole numbers", 40, 90, 1.2, 0),
  one("ties, one decimal", 33, 61, 0.6, 1),
  one("worse than chance", 20, 45, -1.1, 3),
  one("near perfect", 12, 80, 3.2, 2),
  one("chance", 50, 50, 0.0, 4),
  one("rare", 9, 400, 1.1, 2),
  one("common", 300, 40, 0.9, 1)
)
writeLines(paste0("[", paste(sets, collapse = ",\n"), "]"), "proc.json")
