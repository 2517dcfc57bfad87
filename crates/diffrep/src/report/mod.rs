//! Figures (SVG and PNG) and the HTML report.
