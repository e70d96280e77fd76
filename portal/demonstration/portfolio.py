"""What the invented fund owns and owes: companies after the public reports of the proposal, none of them real.

Amounts are in millions of US dollars. ``since`` counts months from the fund's first one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Holding:
    """An investment: ``cost`` is drawn in equal parts over ``drawn_over`` months, ``drift`` is its yearly gain in %."""

    code: str
    name_en: str
    name_ja: str
    sector: str
    stage: str
    state: str
    ownership_percent: str
    committed: int
    cost: int
    since: int
    drawn_over: int
    drift: int
    description_en: str
    description_ja: str


HOLDINGS = [
    Holding(
        "GREAT-LAKES-COMPUTE",
        "Great Lakes Compute Campus",
        "グレートレイクス計算基盤キャンパス",
        "data_centres",
        "operating",
        "OH",
        "62.5",
        42_000,
        31_000,
        0,
        18,
        11,
        "Six halls of an AI data-centre campus with its own 1.2 GW of power, let to model builders for fifteen years.",
        "自前の1.2GWの電源を備えたAIデータセンター6棟。モデル開発会社に15年契約で貸し出しています。",
    ),
    Holding(
        "SONORAN-WAFER",
        "Sonoran Wafer Works",
        "ソノラン・ウエハー製作所",
        "semiconductors",
        "construction",
        "AZ",
        "40.0",
        28_000,
        17_500,
        1,
        20,
        6,
        "A plant for 300 mm silicon wafers and advanced packaging, with suppliers from both nations on the same site.",
        "300ミリのシリコンウエハーと先端パッケージの工場。両国の部材メーカーが同じ敷地で操業しています。",
    ),
    Holding(
        "BRAZOS-GRID",
        "Brazos Grid and Storage",
        "ブラゾス送電・蓄電",
        "power",
        "operating",
        "TX",
        "75.0",
        19_000,
        15_200,
        0,
        14,
        8,
        "1,900 km of high-voltage lines and 4 GWh of batteries; income is set by the regulator and by capacity auctions.",
        "高圧送電線1,900kmと蓄電池4GWh。収入は規制料金と容量市場で決まります。",
    ),
    Holding(
        "COOK-INLET-LNG",
        "Cook Inlet LNG",
        "クック湾LNG",
        "power",
        "construction",
        "AK",
        "33.3",
        44_000,
        12_000,
        4,
        24,
        4,
        "A gas pipeline and liquefaction plant, most of whose output is contracted to Japanese utilities for twenty years.",
        "ガスパイプラインと液化設備。生産量の大半は日本の電力・ガス会社と20年契約を結んでいます。",
    ),
    Holding(
        "CUMBERLAND-SMR",
        "Cumberland Small Reactors",
        "カンバーランド小型炉",
        "power",
        "construction",
        "TN",
        "50.0",
        33_000,
        6_400,
        7,
        30,
        2,
        "Four small modular reactors at a former coal site. No income before the first one is licensed to run.",
        "石炭火力の跡地に建てる小型モジュール炉4基。初号機の運転認可までは収入がありません。",
    ),
    Holding(
        "PASCAGOULA-YARD",
        "Pascagoula Harbor Ship Repair",
        "パスカグーラ港修繕ドック",
        "ports",
        "operating",
        "MS",
        "80.0",
        5_200,
        4_300,
        2,
        12,
        7,
        "Two dry docks for repair of merchant and public ships, rebuilt with welding robots made in Japan.",
        "商船と公船を修繕する乾ドック2基。日本製の溶接ロボットを入れて建て直しました。",
    ),
    Holding(
        "BAYOU-ICEBREAKER",
        "Bayou Icebreaker Yard",
        "バイユー砕氷船造船所",
        "arctic",
        "construction",
        "LA",
        "55.0",
        7_800,
        3_900,
        5,
        20,
        3,
        "A yard that builds polar icebreakers to a hull form developed in Japan; three ships are under contract.",
        "日本で開発された船型で極地砕氷船を造る造船所。3隻を受注しています。",
    ),
    Holding(
        "SAN-PEDRO-PORT",
        "San Pedro Electric Terminals",
        "サンペドロ電動ターミナル",
        "transport",
        "operating",
        "CA",
        "45.0",
        9_600,
        7_900,
        1,
        16,
        6,
        "Container terminals whose cranes and trucks run on electricity; income follows the number of boxes handled.",
        "クレーンと構内車両を電動化したコンテナターミナル。収入は取扱個数に応じて変わります。",
    ),
    Holding(
        "KEYSTONE-TURBINE",
        "Keystone Turbine Works",
        "キーストーン・タービン製作所",
        "power",
        "operating",
        "PA",
        "49.0",
        11_500,
        8_800,
        3,
        15,
        9,
        "Gas turbines and large transformers for power stations; orders reach into the next decade.",
        "発電所向けのガスタービンと大型変圧器。受注残は次の10年に及びます。",
    ),
    Holding(
        "PIEDMONT-COPPER",
        "Piedmont Copper Refining",
        "ピードモント銅精錬",
        "semiconductors",
        "construction",
        "NC",
        "35.0",
        6_700,
        2_600,
        9,
        18,
        -3,
        "A refinery for copper and rare metals from scrap. Start-up is late and its mark was lowered.",
        "スクラップから銅と希少金属を取り出す精錬所。立ち上げが遅れ、評価を引き下げました。",
    ),
]


@dataclass(frozen=True)
class Loan:
    """A debt facility: ``drawn`` is reached in equal steps over ``drawn_over`` months.

    ``covenant``: the largest debt in percent of gross assets that the lender allows. ``rate_bps``: interest a year.
    """

    code: str
    name_en: str
    name_ja: str
    limit: int
    drawn: int
    drawn_over: int
    covenant: str
    rate_bps: int
    day_count: int


LOANS = [
    Loan("TERM-A", "Syndicated term loan A", "協調融資タームローンA", 45_000, 38_000, 18, "60.00", 485, 360),
    Loan("JBIC-STYLE", "Untied policy loan", "政策金融アンタイドローン", 30_000, 14_000, 20, "65.00", 310, 365),
]

# Months after the first one in which an investment comes into operation; until then it is under construction.
BUILT = {"GREAT-LAKES-COMPUTE": 9, "BRAZOS-GRID": 6, "SAN-PEDRO-PORT": 8, "KEYSTONE-TURBINE": 11, "PASCAGOULA-YARD": 10}

# What runs the whole year: code, names, dollars a year.
RUNNING = [
    ("AUDIT", "Audit of the accounts", "会計監査", 4_200_000),
    ("CUSTODY", "Custody and administration", "資産管理・事務", 9_600_000),
]

# Basis points of the money paid in that an operating investment pays out each quarter.
YIELD_BPS = 110

# The one part that was given up again: month, dollars in millions received, and what it had cost.
REALISED = ("SAN-PEDRO-PORT", 20, 620, 540)

PARTNERS = [
    ("US", "Prairie Teachers Retirement System", "プレーリー教職員退職基金", 6_000),
    ("JP", "Setouchi Life Insurance", "瀬戸内生命保険", 4_500),
    ("JP", "Kanto Corporate Pension Alliance", "関東企業年金連合", 3_000),
]

CO_OWNERS = [
    ("US", "United States Department of the Treasury", "米国財務省", 27_000),
    ("JP", "Ministry of Finance, Japan", "日本国財務省", 27_000),
]
