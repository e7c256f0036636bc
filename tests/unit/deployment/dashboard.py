"""The part of Grafana's format of dashboards that ours use. Another field is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Text = Annotated[str, Field(min_length=1)]
Color = Literal["green", "orange", "red", "transparent"]
Unit = Literal["bytes", "cpm", "eps", "none", "ops", "percentunit", "reqps", "s", "short"]


class Strict(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, validate_by_name=False
    )


class Datasource(Strict):
    type: Literal["prometheus", "jaeger"]
    uid: Text


class GridPos(Strict):
    """A place on the grid of 24 columns."""

    x: Annotated[int, Field(ge=0, le=23)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(ge=1, le=24)]
    h: Annotated[int, Field(ge=1)]


class Step(Strict):
    color: Color
    value: float | None
    """The colour holds from this value on; None for the first step."""


class Thresholds(Strict):
    mode: Literal["absolute"]
    steps: Annotated[list[Step], Field(min_length=1)]


class MappedText(Strict):
    index: int
    text: Text


class Mapping(Strict):
    type: Literal["value"]
    options: dict[str, MappedText]


class Mode(Strict):
    mode: Literal["line", "multi", "normal", "thresholds"]


class Custom(Strict):
    fill_opacity: int = 0
    stacking: Mode | None = None
    thresholds_style: Mode | None = None


class Defaults(Strict):
    unit: Unit
    color: Mode | None = None
    custom: Custom = Custom()
    mappings: list[Mapping] = []
    max: float | None = None
    thresholds: Thresholds | None = None


class FieldConfig(Strict):
    defaults: Defaults
    overrides: Annotated[list[object], Field(max_length=0)]


class Link(Strict):
    title: Text
    url: Annotated[str, Field(pattern=r"^/d/[a-z-]+$")]


class MetricTarget(Strict):
    ref_id: Annotated[str, Field(pattern=r"^[A-Z]$")]
    expr: Text
    instant: bool = False
    legend_format: str


class TraceTarget(Strict):
    ref_id: Annotated[str, Field(pattern=r"^[A-Z]$")]
    limit: int
    query_type: Literal["search"]
    service: Text
    tags: Text


class Placed(Strict):
    id: Annotated[int, Field(ge=1)]
    grid_pos: GridPos
    title: Text


class Row(Placed):
    type: Literal["row"]


class TextOptions(Strict):
    content: Text
    mode: Literal["markdown"]


class TextPanel(Placed):
    type: Literal["text"]
    description: Text
    options: TextOptions


class Reduced(Strict):
    calcs: list[Literal["lastNotNull"]]


class Legend(Strict):
    show_legend: bool


class Options(Strict):
    color_mode: Literal["background", "value"] = "value"
    graph_mode: Literal["none"] = "none"
    legend: Legend | None = None
    reduce_options: Reduced | None = None
    show_value: Literal["never"] | None = None
    tooltip: Mode | None = None


class Panel(Placed):
    type: Literal["stat", "state-timeline", "timeseries", "table"]
    datasource: Datasource
    description: Text
    field_config: FieldConfig
    links: list[Link] = []
    options: Options = Options()
    targets: Annotated[list[MetricTarget | TraceTarget], Field(min_length=1)]

    @property
    def metrics(self) -> list[MetricTarget]:
        return [target for target in self.targets if isinstance(target, MetricTarget)]

    @property
    def steps(self) -> list[Step]:
        thresholds = self.field_config.defaults.thresholds
        return thresholds.steps if thresholds else []


class Chosen(Strict):
    text: str
    value: str


class ListVariable(Strict):
    """A variable of which several values may be chosen. `query` lists them."""

    type: Literal["query"]
    name: Text
    label: Text
    all_value: Literal[".*"]
    current: Chosen
    datasource: Datasource
    include_all: Literal[True]
    multi: Literal[True]
    query: Annotated[str, Field(pattern=r"^label_values\(.+, \w+\)$")]
    refresh: Literal[2]
    sort: Literal[1]


class TextVariable(Strict):
    type: Literal["textbox"]
    name: Text
    label: Text
    current: Chosen
    query: str


class Templating(Strict):
    list: list[Annotated[ListVariable | TextVariable, Field(discriminator="type")]]


class Annotation(Strict):
    datasource: Datasource
    enable: bool
    expr: Text
    icon_color: Color
    name: Text
    title_format: Text


class Annotations(Strict):
    list: list[Annotation]


class Menu(Strict):
    """The links to all dashboards with one of the tags."""

    type: Literal["dashboards"]
    keep_time: bool
    tags: list[str]
    title: Text


class Period(Strict):
    from_: Annotated[Text, Field(alias="from")]
    to: Text


class Dashboard(Strict):
    uid: Annotated[str, Field(pattern=r"^waybill-[a-z-]+$", max_length=40)]
    title: Text
    description: Text
    annotations: Annotations
    graph_tooltip: Literal[1]
    links: list[Menu]
    panels: list[Annotated[Row | TextPanel | Panel, Field(discriminator="type")]]
    refresh: Text
    schema_version: Literal[42]
    tags: list[str]
    templating: Templating
    time: Period
    timezone: Literal["browser"]

    @property
    def charts(self) -> list[Panel]:
        """The panels that show data."""
        return [panel for panel in self.panels if isinstance(panel, Panel)]
