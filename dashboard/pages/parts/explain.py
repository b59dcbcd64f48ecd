"""What each control means, in a sentence or two: shown on hover and on focus."""

from __future__ import annotations

from typing import Any

from dash import html

SENTENCES: dict[str, str] = {
    "dataset": "The table to cluster. Files that you add below appear here under Uploads.",
    "drop": "Comma, semicolon or tab separated text (also .gz) or Parquet. Delimiter, header and "
    "decimal comma are found out. The file stays on this installation.",
    "columns": "The measurements that clusters are made of. Only numeric columns are offered; rows "
    "with a missing or infinite value in a chosen column are left out.",
    "standardise": "Divide each column by its standard deviation first, so that units do not "
    "decide. Scores then refer to standardised units.",
    "k_range": "The numbers of clusters that are tried. The best one should lie inside the range, "
    "not on its edge.",
    "types": "How the shape of a cluster may vary. More freedom needs more parameters, and BIC "
    "charges for each of them.",
    "experiments": "Independent repetitions of each fit. Their spread is the band around each "
    "curve and shows how far the result depends on luck.",
    "restarts": "Random starts within one experiment; the best one counts. More restarts find "
    "better optima and take longer.",
    "min_members": "A clustering is only eligible when its smallest cluster has at least this many "
    "rows. Empty: ten, or one more than the number of columns if that is more.",
    "seed": "The same seed gives exactly the same result. Change it to see what depends on luck.",
    "distance": "Likelihood also counts a cluster's weight and volume. Mahalanobis uses the scaled "
    "distance alone, as the original Centaurus did.",
    "max_iter": "A fit that has not settled after this many rounds stops and is marked as not "
    "converged.",
    "reg_covar": "Smallest variance that a cluster may have, relative to the data's. It keeps a "
    "cluster from collapsing onto a line or a point.",
    "live": "Start by itself after each change, computing only the fits that are missing.",
    "live_paid": "Off: fits on AWS cost money, so nothing starts before Run is pressed.",
    "spending_cap": "The job stops sending before it costs more; what is finished stays. The cap "
    "can be raised, and the job goes on with what is missing.",
    "raise": "Go on with what is missing under a higher spending cap.",
    "run": "Compute the fits that are missing for these settings.",
    "criterion": "BIC, ICL and AIC all reward likelihood and charge for parameters. BIC is the "
    "default; ICL prefers well separated clusters; AIC is the most generous.",
    "k_slider": "Number of clusters in the six panels. Arrow keys step it.",
    "play": "Step through K by itself.",
    "axis": "Column on this axis. It changes the view, not the fit.",
    "ellipses": "Outline of each cluster's covariance: in a normal cluster 95 % of the points lie "
    "inside.",
    "cancel": "Stop the job. What is finished stays, and Run goes on from there.",
    "rerun": "Try the failed tasks once more; the rest is kept.",
    "backend": "Where the fits are computed.",
    "theme": "Switch between light and dark.",
    "help": "What the scores and the six types mean, and which keys work.",
    "rec_show": "Select the recommended clustering in all charts.",
    "agreement": "Mean adjusted Rand index between this clustering and those of the other "
    "experiments: 1 is the same clusters, 0 is chance.",
}


def explained(
    control: Any, about: str, position: str = "right", block: bool = True, own_id: str = ""
) -> html.Div:
    """The control with its explanation on hover and keyboard focus; assets/explain.js shows it.

    `about` is a key of `SENTENCES`, or the sentence itself. `position`: the side on which
    it is shown where there is room. `block`: as wide as its container, for controls under each
    other; otherwise as wide as the control. `own_id`: where a callback changes the sentence.

    Not dmc.Tooltip: with every change of any property, Dash's renderer compares each such component
    with all others on the page. Thirty of them took a third of the time to the first curve.
    """
    data: dict[str, Any] = {
        "data-explanation": SENTENCES.get(about, about),
        "data-side": position,
    }
    if own_id:
        data["id"] = own_id
    return html.Div(control, className="explained" if block else "explained inline", **data)
