"""RAF-DB: photographs from the web with crowd-sourced labels, the single-label "basic" subset."""
