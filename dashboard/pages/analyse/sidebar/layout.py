"""The sidebar: data, model, effort, and the button that runs them."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from compute_lambda.tasks.fit.task import MAX_ITERATIONS
from dashboard.pages.analyse.sidebar.cap import cap_control
from dashboard.pages.parts import ids
from dashboard.pages.parts.aria import aria
from dashboard.pages.parts.explain import explained
from dashboard.pages.parts.icons import glyph, icon
from kmeans_core import COVARIANCE_TYPES, DEFAULT_REG_COVAR, CovarianceType

MAX_K = 30
MAX_EXPERIMENTS = 50
MAX_RESTARTS = 50
DISTANCE_CHOICES = [
    {"value": "likelihood", "label": "Likelihood"},
    {"value": "mahalanobis", "label": "Mahalanobis"},
]


def sidebar(
    values: dict[str, Any], max_upload_mb: int, cap_usd: float | None = None
) -> list[dmc.AppShellSection]:
    """`values`: the initial value of every control, see `controls.control_values`; `cap_usd`:
    the spending cap, None where jobs have no price.
    """
    settings = dmc.Stack(
        [
            _section("Data", _data(values, max_upload_mb)),
            _section("Model", _model(values)),
            _section("Effort", [*_effort(values), cap_control(cap_usd)]),
        ],
        gap="lg",
        p="md",
    )
    return [
        dmc.AppShellSection(
            dmc.ScrollArea(
                settings, h="100%", type="auto", scrollbarSize=8, offsetScrollbars=False
            ),
            grow=True,
            mih=0,
        ),
        dmc.AppShellSection(_run(costs_money=cap_usd is not None)),
    ]


def _section(title: str, children: list[Any]) -> html.Section:
    return html.Section(
        [html.H2(title, className="section-title"), dmc.Stack(children, gap="sm")],
        **aria(label=title),
    )


def _headed(label: str, text_id: str, control: Any) -> html.Div:
    """A label with its present value on the right, over the control."""
    return html.Div(
        [
            dmc.Group(
                [dmc.Text(label, size="sm", fw=500), dmc.Text(id=text_id, size="xs", c="dimmed")],
                justify="space-between",
                mb=4,
            ),
            control,
        ]
    )


def _data(values: dict[str, Any], max_upload_mb: int) -> list[Any]:
    return [
        explained(
            dmc.Select(
                id=ids.DATASET,
                label="Dataset",
                data=values[ids.DATASET + ".data"],
                value=values[ids.DATASET],
                allowDeselect=False,
                searchable=True,
                maxDropdownHeight=380,
                nothingFoundMessage="No dataset of that name",
                comboboxProps={"shadow": "md"},
            ),
            "dataset",
        ),
        dmc.Text(
            values[ids.DATASET_DESCRIPTION], id=ids.DATASET_DESCRIPTION, size="xs", c="dimmed"
        ),
        explained(_drop_zone(max_upload_mb), "drop"),
        html.Div(id=ids.DROP_MESSAGE, role="status", **aria(live="polite")),
        dmc.Group(
            [
                dmc.Text(
                    values[ids.ROWS_LINE], id=ids.ROWS_LINE, size="xs", c="dimmed", className="grow"
                ),
                dmc.Button(
                    "Delete",
                    id=ids.DATASET_DELETE,
                    variant="subtle",
                    color="red",
                    size="compact-xs",
                    n_clicks=0,
                    style={"display": "none"},
                    **aria(label="Delete this dataset"),
                ),
                dmc.Button(
                    "Preview", id=ids.PREVIEW_OPEN, variant="subtle", size="compact-xs", n_clicks=0
                ),
            ],
            justify="space-between",
            wrap="nowrap",
            gap=4,
        ),
        *_columns(values),
    ]


def _columns(values: dict[str, Any]) -> list[Any]:
    return [
        explained(
            dmc.MultiSelect(
                id=ids.COLUMNS,
                label="Columns to cluster",
                data=values[ids.COLUMNS + ".data"],
                value=values[ids.COLUMNS],
                searchable=True,
                hidePickedOptions=True,
                clearable=False,
                limit=100,
                nothingFoundMessage="No numeric column of that name",
                comboboxProps={"shadow": "md"},
            ),
            "columns",
        ),
        html.Div(values[ids.COLUMNS_NOTE], id=ids.COLUMNS_NOTE, className="columns-note"),
        explained(
            dmc.Switch(
                id=ids.STANDARDISE, label="Standardise columns", checked=values[ids.STANDARDISE]
            ),
            "standardise",
        ),
    ]


def _drop_zone(max_upload_mb: int) -> html.Div:
    """A real file input under a label, so that keyboard and screen readers need nothing special."""
    max_mb: dict[str, Any] = {"data-max-mb": str(max_upload_mb)}
    return html.Div(
        [
            html.Label(
                [
                    html.Span(icon("upload"), className="drop-icon"),
                    html.Span("Drop a CSV, TSV or Parquet file", className="drop-title"),
                    html.Span(
                        f"up to {max_upload_mb} MB, or click to choose", className="drop-hint"
                    ),
                    # upload.js puts the file input here: Dash has no component for one
                    html.Span(id=ids.DROP_INPUT, className="drop-input"),
                ],
                className="drop-label",
                htmlFor="drop-file",
            ),
            html.Div(
                [
                    dmc.Progress(id=ids.DROP_PROGRESS, value=0, size="sm", className="grow"),
                    dmc.Button(
                        "Cancel",
                        id=ids.DROP_CANCEL,
                        variant="subtle",
                        size="compact-xs",
                        n_clicks=0,
                    ),
                ],
                className="drop-progress",
            ),
        ],
        id=ids.DROP_ZONE,
        className="drop-zone",
        **max_mb,
    )


def _model(values: dict[str, Any]) -> list[Any]:
    return [
        explained(
            _headed(
                "Number of clusters K",
                ids.K_RANGE_TEXT,
                dmc.RangeSlider(
                    id=ids.K_RANGE,
                    min=1,
                    max=MAX_K,
                    step=1,
                    minRange=0,
                    value=values[ids.K_RANGE],
                    updatemode="mouseup",
                    label=None,
                    size="sm",
                    marks=[{"value": k, "label": str(k)} for k in (1, 10, 20, 30)],
                    mb="md",
                    thumbFromLabel="Smallest number of clusters",
                    thumbToLabel="Largest number of clusters",
                ),
            ),
            "k_range",
        ),
        _headed("Covariance types", ids.TYPES_TEXT, _types(values[ids.TYPES])),
    ]


def _types(chosen: list[str]) -> dmc.CheckboxGroup:
    return dmc.CheckboxGroup(
        html.Div(
            [_type_card(CovarianceType.of(name)) for name in COVARIANCE_TYPES],
            className="type-cards",
        ),
        id=ids.TYPES,
        value=chosen,
        **aria(label="Covariance types"),
    )


def _type_card(kind: CovarianceType) -> html.Div:
    card = dmc.CheckboxCard(
        [glyph(kind.name), html.Span(kind.name, className="type-name")],
        value=kind.name,
        className="type-card",
        radius="md",
        **aria(label=f"{kind.name}: {kind.sentence}"),
    )
    return explained(card, kind.sentence)


def _effort(values: dict[str, Any]) -> list[Any]:
    return [
        explained(
            _effort_slider(
                "Experiments", ids.EXPERIMENTS, ids.EXPERIMENTS_TEXT, MAX_EXPERIMENTS, values
            ),
            "experiments",
        ),
        explained(
            _effort_slider(
                "Restarts per experiment", ids.RESTARTS, ids.RESTARTS_TEXT, MAX_RESTARTS, values
            ),
            "restarts",
        ),
        dmc.SimpleGrid(
            [
                explained(
                    _number(ids.MIN_MEMBERS, "Min. members", values, placeholder="auto", min=1),
                    "min_members",
                ),
                explained(_number(ids.SEED, "Seed", values, min=0, max=2**31 - 1), "seed"),
            ],
            cols=2,
            spacing="sm",
        ),
        _advanced(values),
    ]


def _effort_slider(
    label: str, slider_id: str, text_id: str, most: int, values: dict[str, Any]
) -> html.Div:
    return _headed(
        label,
        text_id,
        dmc.Slider(
            id=slider_id,
            min=1,
            max=most,
            step=1,
            value=values[slider_id],
            updatemode="mouseup",
            label=None,
            size="sm",
            thumbLabel=label,
        ),
    )


def _number(number_id: str, label: str, values: dict[str, Any], **options: Any) -> dmc.NumberInput:
    return dmc.NumberInput(
        id=number_id,
        label=label,
        value="" if values[number_id] is None else values[number_id],
        size="sm",
        allowDecimal=options.pop("allowDecimal", False),
        clampBehavior="blur",
        **options,
    )


def _distance(values: dict[str, Any]) -> html.Div:
    select = dmc.Select(
        id=ids.DISTANCE,
        label="Distance",
        data=DISTANCE_CHOICES,
        value=values[ids.DISTANCE],
        allowDeselect=False,
        size="sm",
    )
    return explained(select, "distance")


def _advanced(values: dict[str, Any]) -> dmc.Accordion:
    return dmc.Accordion(
        dmc.AccordionItem(
            [
                dmc.AccordionControl("Advanced"),
                dmc.AccordionPanel(
                    dmc.Stack(
                        [
                            _distance(values),
                            explained(
                                _number(
                                    ids.MAX_ITER,
                                    "Most iterations",
                                    values,
                                    min=1,
                                    max=MAX_ITERATIONS,
                                ),
                                "max_iter",
                            ),
                            explained(
                                _number(
                                    ids.REG_COVAR,
                                    "Variance floor",
                                    values,
                                    allowDecimal=True,
                                    min=0,
                                    max=1,
                                    step=DEFAULT_REG_COVAR,
                                ),
                                "reg_covar",
                            ),
                        ],
                        gap="sm",
                    )
                ),
            ],
            value="advanced",
        ),
        chevronPosition="right",
        variant="default",
        className="advanced",
    )


def _run(*, costs_money: bool) -> html.Div:
    return html.Div(
        [
            html.Div(id=ids.SETTINGS_ERROR, role="alert"),
            dmc.Text(
                "…", id=ids.ESTIMATE, size="sm", ta="center", fw=500, className="tabular", mb="xs"
            ),
            dmc.Group(
                [
                    explained(
                        dmc.Switch(
                            id=ids.LIVE,
                            label="Live",
                            checked=not costs_money,
                            disabled=costs_money,
                        ),
                        "live_paid" if costs_money else "live",
                        "top",
                        block=False,
                    ),
                    explained(dmc.Button("Run", id=ids.RUN, n_clicks=0), "run", "top", block=False),
                ],
                justify="space-between",
            ),
        ],
        className="run-box",
    )
