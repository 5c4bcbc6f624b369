"""Words of which the printed pages are made, in several scripts."""
# ruff: noqa: SIM905, RUF001 - lists of words, of which each script has its own letters

from collections.abc import Mapping

ARABIC = (
    "السلام عليكم الإسكندرية الأمم المتحدة لأنه لا إلى على في من هذا هذه الذي التي كان كانت "
    "محمد الملا مدينة البريد الإلكتروني الأولى الثانية الثلاثاء الأربعاء سلامة أسئلة مسؤول شؤون "
    "قرأ رأى آلاف الآن الآلات بلاد بلادنا خلال الخلايا ولأول فلأن للأطفال كالأسد ثلاثة تقرير "
    "المضخات الصيانة اللازمة حقوق الإنسان القانون المادة الفقرة المساءلة المياه والكهرباء لغة "
    "العربية والإنجليزية صفحة كتاب مكتبة جامعة طالب طلاب علم علوم تاريخ سنة شهر يوم ساعة"
).split()
VOCALISED = (
    "كَتَبَ الطَّالِبُ الدَّرْسَ فِي المَدْرَسَةِ ثُمَّ قَرَأَ كِتَابًا عَنْ تَارِيخِ الأَنْدَلُسِ وَلَمْ "
    "يَفْهَمْ كُلَّ شَيْءٍ لِأَنَّهُ صَعْبٌ جِدًّا مُحَمَّدٌ رَسُولٌ السَّلَامُ عَلَيْكُمْ"
).split()
PERSIAN = (
    "می‌خواهم کتاب‌ها را به خانه‌ی شما بیاورم گفت‌وگو درباره‌ی پژوهش‌های تازه گزارش سالانه "
    "چگونه است این آن برای دانشجویان دانشگاه تهران لازم بود لایحه"
).split()
HEBREW = (
    "שלום עולם ירושלים המים והחשמל בעיר דו״ח שנתי של החברה לשנת הכספים תחזוקה משאבה "
    "ספר ספרים בית ספר אוניברסיטה תלמיד תלמידים זכויות האדם חוק סעיף פסקה"
).split()
THAI = (
    "น้ำ ทำงาน ที่นี่ ผู้ใหญ่ กำลัง เครื่องสูบน้ำ ต้อง บำรุงรักษา ทุกปี รายงาน ประจำปี เกี่ยวกับ "
    "สิ่งแวดล้อม ภาษาไทย ไม่ใช่ เรื่อง ง่าย มนุษย์ทั้งหลาย เกิดมา มีอิสระ เสมอภาค ศักดิ์ศรี สิทธิ "
    "ปฏิบัติ ต่อกัน ด้วย เจตนารมณ์ แห่ง ภราดรภาพ ค่าใช้จ่าย จ้าง น้ำหนัก ก็ ปู่ ย่า ปี่ ฟ้า ฝั่ง"
).split()
HINDI = (
    "सभी मनुष्यों को गौरव और अधिकारों के विषय में जन्मजात स्वतन्त्रता तथा समानता प्राप्त है उन्हें "
    "बुद्धि अन्तरात्मा की देन परस्पर भाईचारे के भाव से बर्ताव करना चाहिए वार्षिक रिपोर्ट कंपनी "
    "विद्यालय प्रश्न क्षेत्र ज्ञान श्री कृष्ण हिन्दी भाषा शिक्षा मंत्री राष्ट्रीय संस्कृति दर्शन पृष्ठ कर्म "
    "धर्म निर्णय स्थिति किताब बिजली पानी सड़क पढ़ाई ज़रूरत फ़ैसला"
).split()
RUSSIAN = (
    "все люди рождаются свободными и равными в своём достоинстве и правах они наделены разумом "
    "годовой отчёт компании содержание насосов должно проверяться ежегодно объём подъезд"
).split()
GREEK = (
    "όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα ετήσια "
    "έκθεση της εταιρείας συντήρηση αντλιών κάθε χρόνο προϋπολογισμός"
).split()
VIETNAMESE = (
    "tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền báo cáo thường "
    "niên của công ty bảo trì máy bơm hằng năm đường phố Nguyễn Huệ"
).split()
ENGLISH = (
    "office finance waffle affluent all human beings are born free and equal in dignity and "
    "rights the annual report of the company shows that pumps need maintenance every year with "
    "a firm offer to staff efficient flow of fluid"
).split()
GERMAN = (
    "alle Menschen sind frei und gleich an Würde und Rechten geboren der Geschäftsbericht zeigt "
    "daß Pumpen jährlich gewartet werden müssen Größe Straße Übung öffentlich Äpfel Auflage"
).split()
MATHEMATICS = "𝐀 𝐛 𝒙 𝒚 𝜶 𝜷 𝔸 ℝ 𝟏 𝟐 𝓕 𝔤 sum of 𝑥𝑦 and 𝑧".split()

BROKEN = (
    "Zusammen·arbeit Bundes·republik Geschäfts·bericht Ver·waltung Wirt·schaft Ge·sell·schaft "
    "Um·welt·schutz Versiche·rung Entwick·lung Leis·tung Ent·scheidung Nach·haltig·keit "
    "Verant·wortung Unter·nehmen Mit·arbei·ter Kraft·werk Sicher·heit Technolo·gie Forschungs·"
    "zentrum infor·mation docu·ment main·tenance engi·neering develop·ment manage·ment "
    "environ·mental respon·sibility inter·national process·ing account·ing share·holder "
    "ver·öffent·licht ge·ändert ange·nommen be·schlos·sen auf·gestellt"
).split()
"""Words that a line may break at ``·``."""
COMPOUNDS = (
    "E-·Mail S-·Bahn U-·Boot Baden-·Württemberg Nord-·Süd-·Achse X-·ray T-·Shirt Wi-·Fi "
    "COVID-·19 2024-·05 CO2-·Ausstoß EU-·Kommission Anglo-·American post-·2008 UTF-·8 Rhein-·Main"
).split()
"""Words whose own hyphen may stand at the end of a line."""
HEADINGS = (
    "Jackson Report Summary Chapter Overview Financial Statement Appendix Contents Introduction "
    "Inhalt Übersicht Jahresabschluss GESCHÄFTSBERICHT CONTENTS NOTES Director Foreword"
).split()

SCRIPTS: Mapping[str, tuple[list[str], str]] = {
    "arabic": (ARABIC, "rtl"),
    "arabic, vowels": (VOCALISED, "rtl"),
    "persian": (PERSIAN, "rtl"),
    "hebrew": (HEBREW, "rtl"),
    "thai": (THAI, "ltr"),
    "hindi": (HINDI, "ltr"),
    "russian": (RUSSIAN, "ltr"),
    "greek": (GREEK, "ltr"),
    "vietnamese": (VIETNAMESE, "ltr"),
    "english": (ENGLISH, "ltr"),
    "german": (GERMAN, "ltr"),
    "above U+FFFF": (MATHEMATICS, "ltr"),
}
"""Words and direction of each script."""
