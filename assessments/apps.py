from django.apps import AppConfig


class AssessmentsConfig(AppConfig):
    name = "assessments"

    def ready(self):
        from assessments.checks import check_changed_patient
        from assessments.models import Assessment, Relapse
        from patients.erasing import RECORDS
        from patients.services import RECORD_RULES

        RECORD_RULES.append(check_changed_patient)
        RECORDS.extend((Assessment, Relapse))
