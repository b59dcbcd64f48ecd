"""Names of columns that hold no measurement, in the languages and habits of many exports."""

from __future__ import annotations

import re

from dashboard.datasets.reading.numbers.word_set import word_set


def words_of(name: str) -> list[str]:
    """Lower-case words of "GPS_Longitude", "startLng", "Sample ID" or "GPS2time"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]


def names_an_id(word: str) -> bool:
    """Whether a word ends as "prtyid" or "persnum" do, and is none of those that only look so."""
    if word.endswith("num") and len(word) > 4:
        return True
    return word.endswith("id") and len(word) > 4 and word not in _LIKE_IDS


_LIKE_IDS = word_set(
    """
    humid solid acid fluid lipid rapid valid covid arid hybrid avoid steroid thyroid liquid
    timid amid plasmid carotid ellipsoid sigmoid amyloid opioid colloid alkaloid aphid orchid
    turbid placid paid unpaid prepaid afraid
    """
)


LONGITUDE = word_set(
    """
    longitude lon lng longitud longitudine länge laenge längengrad
    """
)
LATITUDE = word_set(
    """
    latitude lat latitud latitudine breite breitengrad
    """
)
PROJECTED = word_set(
    """
    easting northing eastings northings utmx utmy xutm yutm utme utmn rechtswert hochwert xcoord
    ycoord coordx coordy pointx pointy xlocation ylocation xpos ypos gaussx gaussy lambertx
    lamberty
    """
)
HEIGHT = word_set(
    """
    elevation elev altitude alt dem elevacion höhe hoehe heightasl masl
    """
)

IDENTIFIER = word_set(
    """
    id ids fid oid gid uid pid cid sid objectid index idx row rowid rownum rownumber rownames
    rowname rownr recordid recordno record recno serial serialnumber serialno unnamed obs obsno
    observation case caseid caseno subject subj subjectid patient patientid participant person
    personid customer customerid kunde kundennummer kundennr client order orderid orderno
    ordernumber invoice account sampleid sampleno sample samplenumber probe probennummer nr no
    num number nummer lfdnr key ref plotid plot plotno treeid tree station stationid site siteid
    well wellid pointid point pt location household hhid animal animalid cow pig rat mouse bird
    chick fish school schoolid pupil student studentid batch lot run runid trial tid barcode ean
    upc isbn hospital clinic doctor physician ward commune district province village
    municipality firm company bank team judge litter pair family pump sku gtin vin iban phone
    telephone tel mobile fax ssn nino licence license hole holeid county countyid state stateid
    """
)
CODE = word_set(
    """
    zip zipcode postcode postal postalcode plz postleitzahl cap codepostal fips geoid geoid10
    naics sic hs cas code codes isic iso isonum cusip gvkey permno areacode countrycode
    statecode
    """
)
CLASS = word_set(
    """
    class classes target label labels cluster clusters category categories cat species zone
    zones group groups grp groundtruth truth type types kind gender sex region treatment treat
    treated trt rep reps replicate replication block blocks factor status stage race ethnicity
    ethnic married marital smoker smoke smoking survived survival event death dead died censor
    censored cens outcome diagnosis disease origin season cohort arm pclass soil soiltype
    variety cultivar genotype color colour likert flag dummy binary indicator male female yes no
    true false union employed occupation occ religion party vote choice cyl gear carb vs am
    landuse landcover cover typ klasse gruppe klassen sorte geschlecht
    """
)
TIME = word_set(
    """
    timestamp date datetime datum uhrzeit epoch unixtime posix posixtime gpstime utc year yr
    jahr annee année anno mon month monat mes day doy dayofyear julian julianday jd mjd hour hr
    stunde weekday week woche quarter yearmonth yyyymmdd yyyymm fecha tag gps unix
    """
)
"""Words that, alone or with one another, say when."""
DURATIONS = word_set(
    """
    time zeit t elapsed seconds second sec secs s minutes minute min hours days weeks months
    years millis ms tempo temps
    """
)
"""Words that say when where the values rise from row to row, and how long where they do not."""
